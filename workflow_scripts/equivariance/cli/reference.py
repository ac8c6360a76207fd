"""The reference run in the repository, and a run compared with it."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from equivariance.analysis.claims.conclusions import conclusions
from equivariance.analysis.claims.estimates import CONTRADICTED, SUPPORTED
from equivariance.analysis.claims.reading import read_claims
from equivariance.analysis.columns import COLUMNS
from equivariance.analysis.comparison import (
    compare_accuracies,
    compare_profiles,
    compare_verdicts,
    is_alike,
)
from equivariance.analysis.reading import read_table
from equivariance.cli.archive import check_project
from equivariance.cli.arguments import CompareArguments, ReferenceArguments
from equivariance.cli.differences import Differences
from equivariance.errors import UserError, listed
from equivariance.figures.comparison import plot_comparison
from equivariance.figures.style import save
from equivariance.files import atomic_path, write_text
from equivariance.workflow.finished import networks_of
from equivariance.workflow.manifest import files_of
from equivariance.workflow.readme import block_of, readme_block, write_block
from equivariance.workflow.reference import FOLDER, read_reference, write_reference
from equivariance.workflow.results import finished, run_folder
from equivariance.workflow.sameness import differing
from equivariance.workflow.verification import verify_run

README = Path("README.md")


def collect_reference(arguments: ReferenceArguments) -> list[str]:
    """Put a run into docs/reference and its conclusions into README.md; say where, and how large it is."""
    check_project()
    block_of(README)  # before anything is written
    size = write_reference(arguments.run)
    write_text(README, write_block(README, readme_block(FOLDER)))
    return [f"{FOLDER}: {size / 1e6:.1f} MB", str(README)]


def compare_run(arguments: CompareArguments) -> str:
    """Compare a finished run with the reference, and write table and figure into its folder.

    Raises Differences where they do not agree, and UserError for a run that is not finished, or changed.
    """
    check_project()
    reference = read_reference()
    folder = run_folder(arguments.run)
    verified = verify_run(folder)
    if not verified.intact:
        raise UserError(f"{folder} is not as it was finished; `make verify RUN={arguments.run}` says more")
    manifests = finished(folder)
    mine = manifests.get("en") or next(iter(manifests.values()))
    networks = networks_of(folder, files_of(manifests.values()))
    parts = {
        "accuracies": _accuracies(networks, reference["networks"]),
        "layer profiles": compare_profiles(_tables(folder), _tables(FOLDER)),
        "verdicts": compare_verdicts(_verdicts(folder, mine), _verdicts(FOLDER, reference)),
    }
    compared = pd.concat([part for part in parts.values() if len(part)], ignore_index=True)
    stem = folder / "comparison"
    with atomic_path(stem.with_suffix(".csv")) as temporary:
        compared.to_csv(temporary, index=False)
    save(plot_comparison(compared, arguments.run, _name(reference, mine)), stem)
    same = not (different := differing(mine["settings"], reference["settings"]))
    alike = all(is_alike(parts[name]) for name in ("accuracies", "layer profiles"))
    agrees = same and alike and not _turned(parts["verdicts"])
    says = [
        _settings(mine, reference, different),
        *_machines(mine, reference),
        *(_counts(name, part) for name, part in parts.items()),
        *(f"  {row.cell}: {row.mine}; reference: {row.reference}" for row in _unequal(parts["verdicts"])),
        f"{stem}.csv, {stem}.png, {stem}.pdf",
        f"The run {'agrees' if agrees else 'does not agree'} with the reference.",
    ]
    if not agrees:
        raise Differences("\n".join(says))
    return "\n".join(says)


def _accuracies(mine: Mapping[str, Any], reference: Mapping[str, Any]) -> pd.DataFrame:
    """Compare the accuracies of networks."""
    groups: dict[str, str] = {}
    images: dict[str, int] = {}

    def cells(networks: Mapping[str, Any]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = defaultdict(list)
        for name, network in networks.items():
            path = PurePosixPath(name)  # models/<data set>/<model>/<set>/seed<n>
            for tested_with, accuracy in network["accuracies"].items():
                cell = f"{path.parent}, tested with {tested_with}"
                found[cell].append(accuracy)
                groups[cell], images[cell] = path.parts[2], network["test_images"]
        return found

    return compare_accuracies(cells(mine), cells(reference), groups, images)


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of layer profiles of a run or of the reference."""
    found = {}
    for file in sorted(folder.glob("tables/*.csv*")):
        if file.suffix != ".sha256" and {*COLUMNS["profiles"]} <= {*pd.read_csv(file, nrows=0).columns}:
            found[file.name.partition(".")[0]] = read_table(file, ["profiles"])
    return found


def _verdicts(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The verdict on each claim."""
    entries = {name: one for name, one in manifest["settings"]["claims"].items() if one is not None}
    concluded = conclusions(read_claims(folder / "claims.csv"), entries)
    return dict(zip(concluded["claim"], concluded["verdict"], strict=True))


def _turned(verdicts: pd.DataFrame) -> bool:
    """Whether a claim is supported in one run and contradicted in the other."""
    pairs = zip(verdicts["mine"], verdicts["reference"], strict=True)
    return any({*pair} == {SUPPORTED, CONTRADICTED} for pair in pairs)


def _unequal(verdicts: pd.DataFrame) -> list[Any]:
    return list(verdicts[~verdicts["agrees"].astype(bool)].itertuples())


def _name(reference: Mapping[str, Any], mine: Mapping[str, Any]) -> str:
    same = reference["run"] == mine["run"]
    return f"{reference['run']} (reference)" if same else str(reference["run"])


def _settings(mine: Mapping[str, Any], reference: Mapping[str, Any], different: list[str]) -> str:
    if not different:
        return f"Settings: those of the reference, {reference['run']}."
    return (
        f"This is another run: {mine['run']}, the reference is {reference['run']};"
        f" settings that differ: {listed(different, most=8)}."
    )


def _machines(mine: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    """What else differs between the runs: software, machines, prepared images."""
    lines = []
    for what, key in (("software", "versions"), ("machine", "machine"), ("prepared images", "images")):
        names = [name for name in reference[key] if mine[key].get(name) != reference[key][name]]
        if names:
            pairs = [f"{name} {mine[key].get(name, 'missing')} ({reference[key][name]})" for name in names]
            shown = names if key == "images" else pairs
            lines.append(f"Other {what} (reference): {listed(shown, most=None)}.")
    return lines


def _counts(name: str, part: pd.DataFrame) -> str:
    agree = "equal" if name == "verdicts" else "within the tolerance"
    return f"{name.capitalize()}: {int(part['agrees'].sum())} of {len(part)} {agree}."
