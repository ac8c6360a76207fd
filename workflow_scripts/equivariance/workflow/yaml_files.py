"""YAML files of settings: read, checked for what YAML forgives, and merged."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from equivariance.errors import UserError
from equivariance.workflow.validation import merge

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast


NOT_DECIMAL = re.compile(r"[-+]?(0[0-9_]+$|.*:)")  # 010 is 8, and 1:30 is 90


def read_yaml(*files: Path) -> dict[str, Any]:
    """Read YAML files and merge them as Snakemake does: later files win, mappings are merged key by key.

    Raises what `check_yaml` raises.
    """
    merged: dict[str, Any] = {}
    for file in files:
        merge(merged, check_yaml(file))
    return merged


def check_yaml(file: Path) -> dict[str, Any]:
    """Return the settings in a YAML file.

    Raises UserError for a file that cannot be read, for bytes that are no UTF-8, for a text that is no YAML
    or has other values than text, numbers, lists and mappings, for a key that stands twice in a mapping, of
    which YAML would take the last, for numbers that are not decimal, and for settings that are no mapping.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(
            f"{file} cannot be read ({error.strerror}); give a file of settings in YAML"
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file}: byte {error.start + 1}, in line {line}, is not UTF-8: save the file as UTF-8"
        ) from error
    try:
        root = yaml.compose(text, Loader=LOADER)
        settings = yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that there is not
        raise UserError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    if root is not None and (line := _inside_itself(root, [])):
        raise UserError(f"{file}: the anchor in line {line} contains itself; write out what it stands for")
    wrong = [*_twice(root), *_misread(root)] if root is not None else []
    if wrong:
        raise UserError("\n".join(f"{file}: {one}" for one in wrong))
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        kinds = ((list, "a list"), (str, "a text"))
        kind = next((text for one, text in kinds if isinstance(settings, one)), "one value")
        raise UserError(f"{file} is {kind}; needed: sections with their settings, such as `run: name`")
    return settings


def typed(value: Any) -> Any:
    """Read texts as the numbers that they are: of `--config 'jobs={gpus: 0}'`, Snakemake leaves 0 a text."""
    if isinstance(value, dict):
        return {key: typed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [typed(one) for one in value]
    if not isinstance(value, str):
        return value
    try:
        read = yaml.load(value, Loader=LOADER)
    except (yaml.YAMLError, ValueError):  # a text that begins like something else, as `[a`
        return value
    return read if read is None or isinstance(read, int | float) else value


def _inside_itself(node: yaml.Node, above: list[yaml.Node]) -> int:
    """The line of the first node that contains itself, by an anchor; 0 where there is none."""
    if any(node is one for one in above):
        return int(node.start_mark.line) + 1
    if isinstance(node, yaml.ScalarNode):
        return 0
    inside = (
        [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
    )
    return next((line for one in inside if (line := _inside_itself(one, [*above, node]))), 0)


def _misread(node: yaml.Node) -> Iterator[str]:
    """Say of each number that YAML takes for one of base 8 or 60 where it stands."""
    if isinstance(node, yaml.ScalarNode):
        is_number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        if is_number and NOT_DECIMAL.match(node.value):
            line = node.start_mark.line + 1
            yield f"{node.value}, in line {line}, is read as a number of another base: write it in base 10"
        return
    inside = (
        [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
    )
    for one in inside:
        yield from _misread(one)


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
