"""What a run has made when it is finished, and where runs are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from equivariance.errors import UserError, listed, unknown
from equivariance.language import LANGUAGES
from equivariance.workflow.loading import SECTIONS, load_config
from equivariance.workflow.manifest import NAME, language_folder, read_manifests
from equivariance.workflow.run import Run
from equivariance.workflow.yaml_files import read_yaml

RESULTS, CONFIG = Path("results"), Path("config")
SHARED = ("data", "store")  # folders of the results that are no run
READABLE = ("figures/published", "figures/claims")  # figures besides those of experiments


def result_files(run: Run) -> list[str]:
    """The files that the rules of a run make, each once; of a network the one that is written last."""
    networks, measurements = run.plan.in_order()
    files = [*map(run.network_file, networks), *run.measurement_files(measurements), *end_products(run)]
    return list(dict.fromkeys(files))


def end_products(run: Run) -> list[str]:
    """Those of them that come after all networks and measurements: tables, figures, verdicts, the paper."""
    figures = [f"figures/{name}" for name in run.config.experiments]
    readable = [f"{figure}.{suffix}" for figure in (*figures, *READABLE) for suffix in ("pdf", "png", "rst")]
    readable += ["figures/claims_tests.pdf", "figures/claims_tests.png"]
    readable += ["claims.csv", "claims.html", "thesis.pdf"]
    return [
        *map(run.figure_data, run.config.experiments),
        f"{run.results}/tables/published.csv",
        *map(run.written, readable),
    ]


def run_folder(name: str) -> Path:
    """The folder of a run, from that of the Snakefile. Raises UserError where there is no such run."""
    folder = RESULTS / name
    if not folder.is_dir():
        made = sorted(path.name for path in RESULTS.glob("[!.]*/") if path.name not in SHARED)
        known = sorted({*made, *(_name_of(file) for file in _run_files())})
        if name not in known:
            raise UserError(unknown("run", name, known))
        raise UserError(f"{folder} not found: `{command(name)}` makes it")
    return folder


def finished(folder: Path) -> dict[str, dict[str, Any]]:
    """The manifests of the run in a folder, by their languages.

    Raises UserError where it is not finished in a language that it was begun in, and what `read_manifests`
    raises.
    """
    manifests = read_manifests(folder)
    begun = [one for one in LANGUAGES if (language_folder(folder, one) / "figures").is_dir()]
    for language in begun or ["en"]:
        if language not in manifests:
            raise _unfinished(folder.name, language)
    return manifests


def _unfinished(name: str, language: str) -> UserError:
    """Say of a run without a manifest what it lacks, and the command that makes that."""
    says = f"the run {name!r} is not finished; `{command(name, language)}` goes on with it"
    file = _settings_file(name)
    if file is None:  # its settings are in a file of the user's, or were on the command line
        return UserError(says)
    files = [CONFIG / f"{section}.yaml" for section in ("config", *SECTIONS)]
    raw = {**read_yaml(*files, file), "language": language}
    run = Run(load_config(raw, CONFIG / "schemas"), Path())
    missing = [path for path in result_files(run) if not Path(path).is_file()]
    return UserError(f"{says}; missing: {_sorts(missing or [run.written(NAME)])}")


def command(name: str, language: str = "en") -> str:
    """The command that makes a run, or goes on with it."""
    file = _settings_file(name)
    settings = "" if file == CONFIG / "config.yaml" else f" --configfile {file or 'FILE'}"
    return f"snakemake --cores 1{settings}" + ("" if language == "en" else f" --config language={language}")


def _run_files() -> Iterator[Path]:
    """The files of settings that name a run."""
    for file in sorted(CONFIG.glob("*.yaml")):
        if isinstance(read_yaml(file).get("run"), str):
            yield file


def _name_of(file: Path) -> str:
    return str(read_yaml(file)["run"])


def _settings_file(name: str) -> Path | None:
    return next((file for file in _run_files() if _name_of(file) == name), None)


def _sorts(missing: Sequence[str]) -> str:
    """What is missing, by its folder: the first of each, and how many there are."""
    groups: dict[str, list[str]] = {}
    for path in missing:
        parts = Path(path).parts[2:]
        groups.setdefault(parts[0] if len(parts) > 1 else "", []).append(path)
    return "; ".join(listed(group, most=1) for group in groups.values())
