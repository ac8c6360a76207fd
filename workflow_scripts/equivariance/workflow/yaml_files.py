"""YAML files of settings: read, checked for what YAML forgives, and merged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from equivariance.errors import UserError
from equivariance.workflow.validation import merge

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast


def read_yaml(*files: Path) -> dict[str, Any]:
    """Read YAML files and merge them as Snakemake does: later files win, mappings are merged key by key.

    Raises what `check_yaml` raises.
    """
    merged: dict[str, Any] = {}
    for file in files:
        merge(merged, yaml.load(check_yaml(file), Loader=LOADER) or {})
    return merged


def check_yaml(file: Path) -> str:
    """Return the text of a YAML file.

    Raises UserError for bytes that are no UTF-8, for a text that is no YAML, and for a key that stands twice
    in a mapping, of which YAML would take the last.
    """
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file}: byte {error.start + 1}, in line {line}, is not UTF-8: save the file as UTF-8"
        ) from error
    try:
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise UserError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    twice = list(_twice(root)) if root is not None else []
    if twice:
        raise UserError("\n".join(f"{file}: {one}" for one in twice))
    return text


def typed(value: Any) -> Any:
    """Read texts as the numbers that they are: of `--config 'jobs={gpus: 0}'`, Snakemake leaves 0 a text."""
    if isinstance(value, dict):
        return {key: typed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [typed(one) for one in value]
    if not isinstance(value, str):
        return value
    read = yaml.load(value, Loader=LOADER)
    return read if read is None or isinstance(read, int | float) else value


def _twice(node: yaml.Node) -> Iterator[str]:
    """Say of each key that stands twice in a mapping where it stands."""
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in lines:
                yield f"{key.value!r} stands in lines {lines[str(key.value)]} and {line}: keep one"
            lines[str(key.value)] = line
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)
