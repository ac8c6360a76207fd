"""What an archive says of itself, as RO-Crate metadata: https://w3id.org/ro/crate/1.1.

The crate is a Workflow RO-Crate: its main entity is the Snakefile. Nothing in it depends on when or where it
is made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equivariance.datasets import SOURCES
from equivariance.files import read_json
from equivariance.workflow.yaml_files import read_yaml

if TYPE_CHECKING:
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

METADATA = "ro-crate-metadata.json"
WORKFLOWS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"

FOLDERS = {
    "config": "The settings of all runs: experiments, models, transformations, claims.",
    "envs": "The environments of the rules, for conda.",
    "paper": "The layout and the prose of the paper.",
    "rules": "The rules of the workflow.",
    "workflow_scripts": "The scripts of the rules and the library that they run.",
    "tests": "The tests of all of this.",
    "results/{run}/tables": "A table for each experiment.",
    "results/{run}/figures": "A figure for each experiment, as PDF and PNG.",
    "results/{run}/models": "Descriptions of the trained networks, and the histories of their trainings.",
    "results/{run}/retrained": "The same of networks that were trained again.",
}
FILES = {
    "README.md": ("What this is, and how to use it.", "text/markdown"),
    "requirements.lock": ("The versions of all software.", "text/plain"),
    "manifest-sha256.txt": ("Checksums of all files, for sha256sum --check.", "text/plain"),
    "results/{run}/manifest.json": (
        "The settings of the run, its machine, versions, and checksums of all its results.",
        "application/json",
    ),
    "results/{run}/claims.csv": ("The verdicts on the claims of the thesis.", "text/csv"),
    "results/{run}/thesis.pdf": ("The paper of the run.", "application/pdf"),
    "results/{run}/es/thesis.pdf": ("The paper of the run, in Spanish.", "application/pdf"),
}


def crate_metadata(root: Path, names: Collection[str], manifest: Mapping[str, Any]) -> str:
    """The metadata of an archive as JSON-LD, equal for equal archives.

    `root` is the folder of the project, `names` are those of the files in the archive, `manifest` is that of
    the run.
    """
    from rocrate.rocrate import ROCrate

    run, citation = manifest["run"], read_yaml(root / "CITATION.cff")
    crate = ROCrate(version="1.1")
    crate.name = f"{citation['title']}: the run {run}"
    crate.description = (
        f"Code, settings, tables, figures and papers of the run {run}, made by commit "
        f"{manifest['commit'] or '(unknown)'}. Data sets of others are named, not included."
    )
    crate.datePublished = str(citation["date-released"])
    crate.root_dataset["version"] = str(citation["version"])
    crate.root_dataset["keywords"] = ", ".join(citation["keywords"])
    licence = _add(
        crate, f"https://spdx.org/licenses/{citation['license']}", "CreativeWork", name=citation["license"]
    )
    crate.license = licence
    authors = _persons(crate, citation["authors"])
    crate.root_dataset["author"] = crate.root_dataset["creator"] = authors
    crate.root_dataset["citation"] = [_reference(crate, one) for one in citation["references"]]
    workflow = crate.add_workflow(
        "Snakefile", dest_path="Snakefile", main=True, lang="snakemake", lang_version=version("snakemake")
    )
    workflow["name"] = "The thesis, end to end"
    workflow["license"] = licence
    workflow["encodingFormat"] = "text/plain"
    workflow["conformsTo"] = _add(crate, WORKFLOWS, "CreativeWork", name="Bioschemas ComputationalWorkflow")
    for folder, text in FOLDERS.items():
        path = folder.format(run=run)
        if any(name.startswith(f"{path}/") for name in names):
            crate.add_dataset(dest_path=path, properties={"name": path, "description": text})
    for file, (text, encoding) in FILES.items():
        path = file.format(run=run)
        if path in names:
            properties = {"name": path, "description": text, "encodingFormat": encoding}
            crate.add_file(dest_path=path, properties=properties)
    if readme := crate.get("README.md"):
        readme["about"] = crate.root_dataset
    for name in sorted(names):
        if name.startswith("results/data/"):
            _add_data(crate, root, name)
    return json.dumps(crate.metadata.generate(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _add_data(crate: ROCrate, root: Path, name: str) -> None:
    """Add the description of a data set, and where its images come from."""
    description = read_json(root / name)
    source = str(description["source"])
    about = {"name": source}
    if source in SOURCES:
        module = import_module(f"equivariance.datasets.{source}")
        about["description"] = " ".join(str(module.__doc__).partition("\n\n")[0].split())
        published = next(_published(module), "")
        if published:
            about["url"] = published
    origin = _add(crate, f"#source-{source}", "Dataset", **about)
    stands_for = f" It stands in for {description['stand_in_for']}." if description["stand_in_for"] else ""
    text = f"{description['images']:,} images of {len(description['classes'])} classes.{stands_for}"
    properties = {"name": description["name"], "description": text, "encodingFormat": "application/json"}
    crate.add_file(dest_path=name, properties=properties)["isBasedOn"] = origin


def _published(module: Any) -> Iterator[str]:
    """Where the archives of a source are published."""
    if hasattr(module, "ARCHIVE"):
        yield from module.ARCHIVE.urls
    yield from getattr(module, "HOSTS", ())


def _persons(crate: ROCrate, authors: Sequence[Mapping[str, str]]) -> list[ContextEntity] | ContextEntity:
    """The authors of a work; one alone is no list."""
    first, *others = (_person(crate, author) for author in authors)
    return [first, *others] if others else first


def _person(crate: ROCrate, author: Mapping[str, str]) -> ContextEntity:
    """An author of a file of citation: a person, or a group."""
    if "family-names" not in author:
        return _add(crate, f"#{author['name']}".replace(" ", "-"), "Organization", name=author["name"])
    name = f"{author.get('given-names', '')} {author['family-names']}".strip()
    identifier = author.get("orcid", f"#{name}".replace(" ", "-"))
    return _add(
        crate,
        identifier,
        "Person",
        name=name,
        familyName=author["family-names"],
        givenName=author.get("given-names", ""),
    )


def _reference(crate: ROCrate, work: Mapping[str, Any]) -> ContextEntity:
    """A work that is to be cited."""
    doi = f"https://doi.org/{work['doi']}" if "doi" in work else ""
    identifier = doi or work.get("url") or f"#{work['type']}-{work['year']}"
    authors = _persons(crate, work["authors"])
    kind = "Thesis" if work["type"] == "thesis" else "ScholarlyArticle"
    return _add(crate, identifier, kind, name=work["title"], author=authors, datePublished=str(work["year"]))


def _add(crate: ROCrate, identifier: str, kind: str, **properties: Any) -> ContextEntity:
    """An entity of the context, once for each identifier."""
    from rocrate.model.contextentity import ContextEntity

    found = crate.get(identifier)
    if found is not None:
        return found
    entity = ContextEntity(crate, identifier, properties={"@type": kind})
    crate.add(entity)
    for name, value in properties.items():
        entity[name] = value
    return entity
