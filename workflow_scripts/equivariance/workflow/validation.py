"""Validate a configuration against its schemas: write out `like`, fill in defaults, describe mistakes."""

import copy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from equivariance.errors import unknown

SHOWN = 200  # characters of a value in a message

Place = tuple[str, ...]
"""The keys that lead to a value, such as ("models", "simple_conv", "title")."""


def non_text_keys(value: Any, place: Place = ()) -> Iterator[str]:
    """Report keys that YAML reads as a number, a date, or as true or false; names have to be text."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from non_text_keys(item, (*place, str(index)))
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if not isinstance(key, str):
            yield f"{_text(place)}: the key {key!r} is not text; put it in quotes or choose another name"
        yield from non_text_keys(item, (*place, str(key)))


def not_finite(value: Any, place: Place = ()) -> Iterator[str]:
    """Report numbers that nothing can be computed with: .nan, .inf, and whole numbers beyond float64."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from not_finite(item, (*place, str(key)))
    if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
        yield f"{_text(place)}: {_short(repr(value))} is not a finite number"


def inherit(models: dict[str, Any], mistakes: list[str]) -> dict[str, Any]:
    """Write out `like`: a model takes all of another one and changes what it gives itself.

    A model whose `like` cannot be followed is left out, and the reason is added to `mistakes`, once.
    """
    written_out = {}
    for name, model in models.items():
        chain = [name]
        while isinstance(model, dict) and "like" in model:
            parent = model["like"]
            wrong = ""
            if parent not in list(models):  # a list, as `parent` may not be hashable
                wrong = f"models.{chain[-1]}.like: {unknown('model', str(parent), models)}"
            elif parent in chain:
                wrong = f"models.{name}.like: goes in a circle: {' -> '.join([*chain, parent])}"
            if wrong:
                mistakes += [wrong] if wrong not in mistakes else []
                break
            chain.append(parent)
            own = {key: value for key, value in model.items() if key != "like"}
            inherited = models[parent] if isinstance(models[parent], dict) else {}
            model = merge(merge({}, inherited), own)
        else:
            written_out[name] = model
    return written_out


def merge(into: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Merge as Snakemake does: mappings key by key, anything else is replaced. Returns `into`."""
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            # `deepcopy` alone would keep one mapping for all places where a YAML anchor is used.
            into[key] = merge({}, value) if isinstance(value, Mapping) else copy.deepcopy(value)
    return into


def validate(
    section: Any, schema: Mapping[str, Any], place: Place, parents: Mapping[str, str]
) -> tuple[list[str], list[Place]]:
    """Compare a section with its schema, fill in defaults, and remove keys that the schema does not have.

    Returns the mistakes, and the places whose values cannot be used. A mistake that an entry inherits from
    the one that `parents` names is reported only there.
    """
    found = sorted(Draft202012Validator(schema).iter_errors(section), key=lambda e: list(map(str, e.path)))
    seen = {(*map(str, error.path), error.message) for error in found}
    mistakes, unreadable = [], []
    for error in found:
        path = tuple(map(str, error.path))
        inherited = (parents.get(path[0]), *path[1:], error.message) if path else ()
        if inherited not in seen:
            mistakes.append(_describe((*place, *path), error, schema))
        if error.validator == "additionalProperties" and isinstance(error.schema.get("properties"), dict):
            for key in set(error.instance) - set(error.schema["properties"]):
                del error.instance[key]
        elif error.validator != "minProperties" and "propertyNames" not in error.schema_path:
            unreadable.append((*place, *path))
    _fill_defaults(section, schema, schema)
    return mistakes, unreadable


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _text(place: Sequence[str]) -> str:
    return ".".join(place) or "configuration"


def _describe(place: Place, error: Any, root: Mapping[str, Any]) -> str:
    where, given, valid = _text(place), error.instance, error.validator_value
    about = error.schema.get("description", "").rstrip(".")
    why = error.message.replace(repr(given), _short(repr(given)))
    if error.validator == "additionalProperties" and isinstance(error.schema.get("properties"), dict):
        known = error.schema["properties"]
        return "; ".join(_unknown_key(where, key, known, root) for key in sorted(set(given) - set(known)))
    if error.validator == "oneOf":
        return (
            f"{where}: give either `images`, or `train` alone, with `measure` (and `feature_maps`), "
            "or `train` with `test`"
        )
    if error.validator == "enum":
        why = unknown("value", _short(str(given)), map(str, valid))
    elif error.validator == "type" and _looks_like_number(given, valid):
        why += "; YAML reads a number with an exponent only if it has a decimal point: 5.0e-4"
    return f"{where}: {why}" + (f" ({about})" if about else "")


def _unknown_key(where: str, key: str, known: Iterable[str], root: Mapping[str, Any]) -> str:
    if where != _text(()) and key in root.get("properties", {}):
        return f"{where}.{key}: {key!r} is not part of {where}; write it at the top level"
    return f"{where}: {unknown('key', key, known)}"


def _looks_like_number(given: Any, types: str | Iterable[str]) -> bool:
    if not isinstance(given, str) or not {"number", "integer"} & set(
        [types] if isinstance(types, str) else types
    ):
        return False
    try:
        float(given)
    except ValueError:
        return False
    return True


def _fill_defaults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> None:
    """Put in the defaults of a schema where a key is left out, in place and depth first."""
    if isinstance(value, list):
        for item in value:
            _fill_defaults(item, _resolved(schema.get("items", {}), root), root)
    if not isinstance(value, dict):
        return
    properties = schema.get("properties", {})
    for key, sub in properties.items():
        sub = _resolved(sub, root)
        if key not in value and "default" in sub:
            value[key] = copy.deepcopy(sub["default"])
        if key in value:
            _fill_defaults(value[key], sub, root)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        for key in set(value) - set(properties):
            _fill_defaults(value[key], others, root)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    return {**root["$defs"][schema["$ref"].rsplit("/", 1)[1]], **schema}
