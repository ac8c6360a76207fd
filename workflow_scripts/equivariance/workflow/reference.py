"""The reference run: what of a finished run is kept in the repository, for readers and for comparisons.

claims.csv, tables/*.csv (.csv.gz where large), figures/*.png at the size of a screen,
thesis.pdf, thesis.es.pdf, manifest.json (commit, settings, machine, seconds, networks, checksums)
"""

import gzip
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from equivariance.disk import explain_full_disk
from equivariance.errors import UserError, listed
from equivariance.files import atomic_path, read_sealed, sha256, write_sealed
from equivariance.workflow.finished import networks_of, stages_of
from equivariance.workflow.manifest import NAME, files_of
from equivariance.workflow.results import command, finished, run_folder
from equivariance.workflow.sameness import digest
from equivariance.workflow.verification import verify_run

FOLDER = Path("docs/reference")
LARGEST = 20_000_000  # bytes of all files
LARGE_TABLE = 100_000  # bytes; larger ones are compressed
WIDTH, COLORS = 1000, 128  # of figures, in pixels; a screen shows no more, and a plot has few
PAPERS = {"thesis.pdf": "thesis.pdf", "es/thesis.pdf": "thesis.es.pdf"}


def write_reference(name: str, output: Path = FOLDER) -> int:
    """Put a finished run into the folder of the reference, whole or not at all; return its size in bytes.

    Runs in the folder of the Snakefile; equal runs give equal files. Raises UserError for an unknown run, one
    that is not finished, or not in Spanish too, or whose results were changed, and for more than `LARGEST`.
    """
    folder = run_folder(name)
    verified = verify_run(folder)
    if not verified.intact:
        wrong = [*verified.changed, *verified.missing, *verified.added]
        raise UserError(
            f"{folder} is not as it was finished: {listed(wrong)}; `make verify RUN={name}` says more"
        )
    manifests = finished(folder)
    for language in ("en", "es"):
        if language not in manifests:
            says = f"{folder} lacks one of its papers; `{command(name, language)}` makes it"
            raise UserError(says)
    building = output.with_name(f".{output.name}.{uuid4().hex}")
    building.mkdir(parents=True)
    try:
        with explain_full_disk(output.parent):
            _collect(folder, manifests, building)
        size = sum(path.stat().st_size for path in building.rglob("*") if path.is_file())
        if size > LARGEST:
            raise UserError(
                f"the reference would be {size / 1e6:.1f} MB; at most {LARGEST / 1e6:g} MB may be"
                " in the repository"
            )
        shutil.rmtree(output, ignore_errors=True)
        building.rename(output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return size


def read_reference(folder: Path = FOLDER) -> dict[str, Any]:
    """The manifest of the reference. Raises UserError where there is none, or where it was changed."""
    if not (folder / NAME).is_file():
        raise UserError(f"{folder / NAME} not found; `make reference RUN=laptop` makes it of a finished run")
    return read_sealed(folder / NAME)


def _collect(folder: Path, manifests: Mapping[str, Any], output: Path) -> None:
    """Write the files of the reference, and their manifest."""
    files, first = files_of(manifests.values()), manifests["en"]
    for source, target in PAPERS.items():
        shutil.copyfile(folder / source, output / target)
    shutil.copyfile(folder / "claims.csv", output / "claims.csv")
    for part in ("tables", "figures"):
        (output / part).mkdir()
    for name in sorted(files):
        if name.startswith("tables/") and name.endswith(".csv"):
            _copy_table(folder / name, output / name)
        elif name.startswith("figures/") and name.endswith(".png"):
            _shrink(folder / name, output / name)
    networks = networks_of(folder, files)
    made = sorted(path for path in output.rglob("*") if path.is_file())
    kept = {name: first[name] for name in ("run", "commit", "versions", "machine", "images")}
    write_sealed(
        output / NAME,
        {
            **kept,
            "configuration": digest(first["settings"]),
            "settings": first["settings"],
            "devices": sorted({network["device"] for network in networks.values()}),
            "stages": stages_of(Path("logs") / first["run"]),
            "networks": networks,
            "files": {path.relative_to(output).as_posix(): sha256(path) for path in made},
        },
    )


def _copy_table(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if len(content) <= LARGE_TABLE:
        target.write_bytes(content)
        return
    # Without its name and the time, so that equal tables give equal bytes.
    target.with_name(f"{target.name}.gz").write_bytes(gzip.compress(content, mtime=0))


def _shrink(source: Path, target: Path) -> None:
    """Write a figure at the size of a screen, with few colours."""
    from PIL import Image

    with Image.open(source) as image:
        shown = image.convert("RGB")
    shown.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
    few = shown.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with atomic_path(target) as temporary:
        few.save(temporary, format="PNG", optimize=True)
