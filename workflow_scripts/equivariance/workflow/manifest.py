"""The manifest of a finished run: checksums of its results, its settings, and what it was made with.

A run has one in its folder, `manifest.json`, and one in the folder of each other language, with what is
written in that language.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from equivariance.errors import UserError
from equivariance.files import check_checksum, checksum_file, read_json, read_sealed, sha256, write_sealed
from equivariance.language import LANGUAGES
from equivariance.network_folder import DESCRIPTION, checked_file
from equivariance.workflow.sameness import portable

NAME = "manifest.json"
GIT = ("git", "-c", "safe.directory=*")  # the folder may be somebody else's, as in a container


def write_manifest(
    folder: Path,
    made: Iterable[Path],
    datasets: Iterable[Path],
    settings: Mapping[str, Any],
    software: Iterable[str],
    output: Path,
) -> None:
    """Write the checksums of all files that a run made, those that rules do not name included.

    `folder` is that of the run, `made` are the files that rules name, `datasets` the descriptions of its
    data, `settings` those of the run as merged from its files, which are kept without places of files on this
    machine, `software` the packages whose versions are noted. Raises UserError for a file that is not what it
    was when it was written.
    """
    checksums: dict[str, str] = {}
    for file in made:
        name = file.relative_to(folder).as_posix()
        checksums[name] = sha256(file)
        if file.name == DESCRIPTION:
            checksums |= _network(file, name)
        elif (beside := checksum_file(file)).is_file():
            check_checksum(file)
            checksums[f"{name}.sha256"] = sha256(beside)
    write_sealed(
        output,
        {
            "run": settings["run"],
            "language": settings["language"],
            "commit": commit(),
            "versions": {"python": platform.python_version(), **_versions(software)},
            "machine": machine(),
            "settings": portable(settings),
            "images": {file.stem: read_json(file)["sha256"] for file in datasets},
            "files": checksums,
        },
    )


def read_manifests(folder: Path) -> dict[str, dict[str, Any]]:
    """The manifests that a run has, by their languages.

    Raises UserError for one that was changed, or that names a file outside its run.
    """
    found = {}
    for language in LANGUAGES:
        file = language_folder(folder, language) / NAME
        if file.is_file():
            found[language] = read_sealed(file)
            check_names(file, found[language]["files"])
    return found


def language_folder(folder: Path, language: str) -> Path:
    """The folder of what a run has in a language."""
    return folder if language == "en" else folder / language


def files_of(manifests: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The checksums of all files of some manifests of a run, by their names in its folder."""
    return {name: checksum for manifest in manifests for name, checksum in manifest["files"].items()}


def check_names(file: Path, names: Iterable[str]) -> None:
    """Raise UserError where a list names a file outside its folder."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise UserError(f"{file} is refused: its entry {name!r} lies outside the folder")


def commit() -> str:
    """The commit that the files in the working directory are of, `-dirty` where some were changed; empty
    where that is not known."""
    try:
        done = subprocess.run(
            [*GIT, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
        )
    except OSError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> dict[str, Any]:
    """This machine: its processor, cores, memory in GiB, and GPU ("" where there is none)."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "gpu": _gpu(),
        "system": platform.platform(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    if shutil.which("nvidia-smi") is None:
        return ""
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True)
    return ", ".join(done.stdout.split("\n")[:-1]) if done.returncode == 0 else ""


def _versions(software: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in software:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # in another environment of the run
            continue
    return found


def _network(description: Path, name: str) -> dict[str, str]:
    """The checksums of the other files of a network. Raises UserError where one was changed."""
    folder, known = description.parent, read_sealed(description)["sha256_by_file"]
    for part in known:
        checked_file(folder, part)
    return {(PurePosixPath(name).parent / part).as_posix(): checksum for part, checksum in known.items()}
