"""Which tensor of a layer's output is its activation, where the output is more than a tensor."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor

from equivariance.errors import UserError

Choice = int | str | Callable[[Any], Tensor]
Step = tuple[
    str, Any
]  # how to get from a holder to what it holds: ("item", index or key), ("attribute", name)
DEEPEST = 4  # holders within holders


def tensors(output: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Tensor]]:
    """Return the tensors of an output in order, each with the way to it."""
    if isinstance(output, Tensor):
        yield path, output
        return
    held: list[tuple[Step, Any]] = []
    if len(path) < DEEPEST:
        if isinstance(output, Mapping):
            held = [(("item", key), value) for key, value in output.items()]
        elif isinstance(output, list | tuple):
            held = [(("item", index), value) for index, value in enumerate(output)]
        elif is_dataclass(output) and not isinstance(output, type):
            held = [(("attribute", one.name), getattr(output, one.name)) for one in fields(output)]
    for step, value in held:
        yield from tensors(value, (*path, step))


def follow(output: Any, path: tuple[Step, ...]) -> Tensor | None:
    """The tensor at the end of a way that `tensors` gave, None where an output has none there."""
    for kind, where in path:
        if isinstance(output, Tensor):  # which would be indexed
            return None
        try:
            output = output[where] if kind == "item" else getattr(output, where)
        except (LookupError, TypeError, AttributeError):
            return None
    return output if isinstance(output, Tensor) else None


def described(path: tuple[Step, ...]) -> str:
    """Write a way as one would in Python, "" for the output itself.

    >>> described((("item", "logits"), ("item", 0), ("attribute", "hidden")))
    "['logits'][0].hidden"
    """
    return "".join(f"[{where!r}]" if kind == "item" else f".{where}" for kind, where in path)


def chosen(output: Any, how: Choice, layer: str) -> Tensor:
    """Take from an output what the user chose: by index, key, attribute, or a function of the output.

    Raises UserError where there is no tensor.
    """
    if callable(how):
        try:
            found = how(output)
        except Exception as error:  # the user's function may raise anything
            raise UserError(
                f"outputs: the function for layer {layer!r}, which returns {_kinds(output)}, raised "
                f"{type(error).__name__}: {error}"
            ) from error
        return _tensor(found, layer, "the function")
    try:
        if isinstance(how, str) and not isinstance(output, Mapping):
            found = getattr(output, how)
        else:
            found = output[how]
    except (LookupError, TypeError, AttributeError) as error:
        raise UserError(f"outputs: layer {layer!r} returns {_kinds(output)}, which has no {how!r}") from error
    return _tensor(found, layer, repr(how))


def _tensor(found: Any, layer: str, how: str) -> Tensor:
    if not isinstance(found, Tensor):
        raise UserError(
            f"outputs: {how} gives a {type(found).__name__} for layer {layer!r}; needed: a tensor"
        )
    return found


def _kinds(output: Any) -> str:
    """Say what an output is, and what is in it."""
    name = type(output).__name__
    if isinstance(output, Mapping):
        return f"a {name} with {', '.join(map(repr, output))}"
    if isinstance(output, list | tuple):
        return f"a {name} of {len(output)}"
    if is_dataclass(output):
        return f"a {name} with {', '.join(one.name for one in fields(output))}"
    return f"a {name}"
