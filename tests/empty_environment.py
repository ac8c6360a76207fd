"""Virtual environments that have what a test says and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

UNREACHABLE = ("Failed to fetch", "Request failed", "error sending request")


def make_environment(folder: Path, *packages: str | Path) -> Path:
    """Install packages, by arguments of `uv pip install`, into a new environment; return its Python.

    Skips the test where the package index cannot be reached.
    """
    python = folder / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, folder],
        ["pip", "install", "--python", python, *packages],
    ):
        done = subprocess.run([sys.executable, "-m", "uv", *command], capture_output=True, text=True)
        if done.returncode and any(text in done.stderr for text in UNREACHABLE):
            pytest.skip(f"no environment is made: uv cannot reach the package index: {done.stderr}")
        assert done.returncode == 0, done.stderr
    return python
