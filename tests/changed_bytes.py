"""Damage to a file, wherever it may be."""

from collections.abc import Iterator
from pathlib import Path


def with_any_byte_changed(file: Path) -> Iterator[int]:
    """Change a bit of each byte of a file, one byte at a time; give its place."""
    content = file.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        yield place
