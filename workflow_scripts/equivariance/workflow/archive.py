"""A finished run as one file, for a repository of data: equal runs give equal bytes.

Names are sorted, and times and modes are the same for all files. Not included are what others publish
(prepared images), grids of images, the measurements of single units, of which the tables are made, and,
unless they are asked for, weights.
"""

import hashlib
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from tqdm import tqdm

from equivariance.errors import UserError, listed
from equivariance.files import atomic_path
from equivariance.workflow.crate import METADATA, crate_metadata
from equivariance.workflow.manifest import GIT, NAME, files_of, language_folder
from equivariance.workflow.results import finished, run_folder
from equivariance.workflow.verification import CHECKSUMS, format_checksums

LEFT_OUT = ("images/", "measures/")  # folders of a run
WEIGHTS = ".safetensors"
TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can have
MODES = {False: 0o100644, True: 0o100755}  # of files, by whether they are programs
CHUNK = 2**20


def write_archive(name: str, output: Path, weights: bool = False) -> int:
    """Write the archive of a finished run, whole or not at all; return how many files it has.

    Runs in the folder of the Snakefile. `weights` adds those of the networks. Raises UserError for an unknown
    run, one that is not finished, a result that was changed since, and a full disk.
    """
    folder = run_folder(name)
    manifests = finished(folder)
    known = {
        (folder / file).as_posix(): checksum
        for file, checksum in files_of(manifests.values()).items()
        if not file.startswith(LEFT_OUT) and (weights or not file.endswith(WEIGHTS))
    }
    manifest_files = [language_folder(folder, language) / NAME for language in manifests]
    files = {path.as_posix(): path for path in (*project_files(Path()), *manifest_files, *map(Path, known))}
    manifest = next(iter(manifests.values()))
    data = (Path("results/data") / f"{dataset}.json" for dataset in manifest["images"])
    files |= {path.as_posix(): path for path in data}
    files.pop(output.as_posix(), None)  # one that was written before
    missing = [path.as_posix() for path in files.values() if not path.is_file()]
    if missing:
        raise UserError(f"{folder} lacks {listed(sorted(missing))}; `make verify RUN={name}` lists all")
    own = {METADATA: crate_metadata(Path(), {*files, CHECKSUMS}, manifest).encode()}
    with atomic_path(output) as temporary:
        _write(temporary, f"equivariance-{name}/", files, own, known)
    return len(files) + len(own) + 1


def project_files(root: Path) -> Iterator[Path]:
    """The files of the project: those that git has; without git, those that `.gitignore` does not name."""
    try:
        done = subprocess.run([*GIT, "ls-files", "-z"], cwd=root, capture_output=True, text=True)
        tracked = done.stdout.split("\0")[:-1] if done.returncode == 0 else []
    except OSError:
        tracked = []
    if tracked:
        yield from (path for name in sorted(tracked) if (path := root / name).is_file())
        return
    from pathspec import GitIgnoreSpec

    ignored = root / ".gitignore"
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else ["results/*"]
    spec = GitIgnoreSpec.from_lines([*lines, ".git"])
    yield from (root / name for name in sorted(spec.match_tree_files(root, negate=True)))


def _write(
    archive: Path,
    root: str,
    files: Mapping[str, Path],
    own: Mapping[str, bytes],
    known: Mapping[str, str],
) -> None:
    """Write files, and texts of the archive's `own`, in the order of their names, and last their checksums,
    into a folder `root`. Raises UserError where one is not what is `known` of it."""
    checksums = {}
    total = sum(path.stat().st_size for path in files.values())
    with (
        zipfile.ZipFile(archive, "w") as written,
        tqdm(total=total, unit="B", unit_scale=True, desc="archive", disable=None, leave=False) as bar,
    ):
        for name in sorted({*files, *own}):
            if name in own:
                checksums[name] = hashlib.sha256(own[name]).hexdigest()
                written.writestr(_entry(root + name, False), own[name])
                continue
            path = files[name]
            program = bool(path.stat().st_mode & 0o100)
            with path.open("rb") as source:
                checksums[name] = _copy(source, written, _entry(root + name, program), path.stat().st_size)
            if checksums[name] != known.get(name, checksums[name]):
                raise UserError(f"{name} was changed since the run was finished; `make verify` lists all")
            bar.update(path.stat().st_size)
        written.writestr(_entry(root + CHECKSUMS, False), format_checksums(checksums).encode())


def _entry(name: str, program: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, on every machine
    entry.external_attr = MODES[program] << 16
    return entry


def _copy(source: IO[bytes], archive: zipfile.ZipFile, entry: zipfile.ZipInfo, size: int) -> str:
    """Copy a file of so many bytes into an archive; return its checksum."""
    checksum = hashlib.sha256()
    entry.file_size = size  # so that it takes the form for large files where it is one
    with archive.open(entry, "w") as target:
        while chunk := source.read(CHUNK):
            checksum.update(chunk)
            target.write(chunk)
    return checksum.hexdigest()
