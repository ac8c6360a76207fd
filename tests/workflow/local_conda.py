"""A stand-in for conda, for machines without it: its command line over py-rattler, and a channel on disk.

Solving and installing are real. The channel has the two packages that the environments of the workflow
name: `python` is a virtual environment over the interpreter that runs this, and `pip` is empty, since uv,
which has a cache, installs the list for pip. Snakemake's calls are answered, others are errors.
"""

import argparse
import asyncio
import io
import json
import shlex
import subprocess
import sys
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from rattler import Channel, Subdir, VirtualPackage, install, solve
from rattler.index import index_fs

VERSION = "24.7.1"  # the oldest that Snakemake accepts
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def make_conda(folder: Path) -> Path:
    """Make a channel, and a conda that knows no other; return the folder of its programs."""
    channel = folder / "channel"
    make_channel(channel)
    programs = folder / "bin"
    programs.mkdir(parents=True)
    command = shlex.join([sys.executable, __file__, str(channel)])
    (programs / "conda").write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text(ACTIVATE, encoding="utf-8")
    return programs


def make_channel(folder: Path) -> None:
    """Write a channel with `python`, in the version of this one, and `pip`."""
    short = f"python{sys.version_info.major}.{sys.version_info.minor}"
    real = Path(sys.executable).resolve()
    settings = f"home = {real.parent}\ninclude-system-site-packages = false\n"
    python: dict[str, bytes | Path] = {
        "bin/python": real,
        "bin/python3": Path("python"),
        f"bin/{short}": Path("python"),
        "pyvenv.cfg": settings.encode(),
        f"lib/{short}/site-packages/README.txt": b"Packages of this environment.\n",
    }
    version = ".".join(map(str, sys.version_info[:3]))
    write_package(folder, str(Subdir.current()), "python", version, [], python)
    write_package(folder, "noarch", "pip", "1.0", ["python"], {})
    asyncio.run(index_fs(folder))


def write_package(
    channel: Path, subdir: str, name: str, version: str, depends: list[str], files: dict[str, bytes | Path]
) -> None:
    """Write a conda package: contents of files, or where links lead, by their paths in the environment."""
    index = {"name": name, "version": version, "build": "0", "build_number": 0, "depends": depends}
    paths = [
        {
            "_path": path,
            "path_type": "softlink" if isinstance(content, Path) else "hardlink",
            "sha256": sha256(b"" if isinstance(content, Path) else content).hexdigest(),
            "size_in_bytes": 0 if isinstance(content, Path) else len(content),
        }
        for path, content in files.items()
    ]
    about = {
        "info/index.json": json.dumps({**index, "subdir": subdir}).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
    }
    (channel / subdir).mkdir(parents=True, exist_ok=True)
    with tarfile.open(channel / subdir / f"{name}-{version}-0.tar.bz2", "w:bz2") as archive:
        for path, content in {**about, **files}.items():
            entry = tarfile.TarInfo(path)
            if isinstance(content, Path):
                entry.type, entry.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


async def create(file: Path, prefix: Path, channel: Path) -> None:
    """Make the environment of a file, from one channel instead of those that it names."""
    environment: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    records = await solve(
        sources=[Channel(channel.as_uri())],
        specs=[one for one in environment["dependencies"] if isinstance(one, str)],
        platforms=[str(Subdir.current()), "noarch"],
        virtual_packages=VirtualPackage.detect(),
    )
    await install(
        records=records, target_prefix=prefix, cache_dir=channel.parent / "cache", show_progress=False
    )
    for part in environment["dependencies"]:
        if isinstance(part, dict):
            python = prefix / "bin" / "python"
            command = [
                sys.executable,
                "-m",
                "uv",
                "pip",
                "install",
                "--quiet",
                "--python",
                python,
                *part["pip"],
            ]
            subprocess.run(command, check=True)


def main(channel: Path, arguments: list[str]) -> None:
    """Answer a call of Snakemake."""
    parser = argparse.ArgumentParser(prog="conda", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"conda {VERSION}")
    calls = parser.add_subparsers(dest="call", required=True)
    info = calls.add_parser("info")
    info.add_argument("--json", action="store_true", required=True)
    config = calls.add_parser("config")
    config.add_argument("--get", choices=["channel_priority"], required=True)
    config.add_argument("--json", action="store_true", required=True)
    clean = calls.add_parser("clean")  # there is nothing to clean: the archives are those of the channel
    clean.add_argument("-y", action="store_true", required=True)
    clean.add_argument("--tarballs", action="store_true", required=True)
    new = calls.add_parser("env").add_subparsers(dest="action", required=True).add_parser("create")
    new.add_argument("--quiet", action="store_true")
    new.add_argument("--no-default-packages", action="store_true")
    new.add_argument("--file", type=Path, required=True)
    new.add_argument("--prefix", type=Path, required=True)
    given = parser.parse_args(arguments)
    match given.call:
        case "info":
            print(json.dumps({"conda_prefix": str(channel.parent), "platform": str(Subdir.current())}))
        case "config":
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case "env":
            asyncio.run(create(given.file, given.prefix, channel))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
