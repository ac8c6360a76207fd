"""The settings of each family of networks: names, types, defaults and valid values, without torch.

A family is a module `equivariance.models.<family>` with `build(image_shape, classes, settings)`; its
settings are the frozen dataclass listed here, so that a configuration is checked without importing a
network.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args, get_origin

from equivariance.errors import UserError, unknown

Activation = Literal["elu", "relu", "prelu", "tanh", "sigmoid"]
Downsampling = Literal["max_pool", "stride"]


@dataclass(frozen=True)
class SimpleConvSettings:
    """Five convolutions, two downsamplings by 2, two linear layers."""

    filters: int  # of the first convolution; the others have 1, 2, 2 and 4 times as many
    hidden: int  # units of the first linear layer
    kernel_size: int = 3  # of the first four convolutions; the fifth is always 3x3
    activation: Activation = "elu"
    batch_norm: bool = False
    downsampling: Downsampling = "max_pool"

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0:
            raise UserError(f"kernel_size is {self.kernel_size}; valid: odd numbers, which keep the size")


FAMILIES: dict[str, type] = {
    "simple_conv": SimpleConvSettings,
}


def read_settings(family: str, values: Mapping[str, Any]) -> Any:
    """Make the settings of `family`, an instance of its dataclass, from plain values.

    Raises UserError for an unknown family, an unknown or missing setting, or a value of the wrong type or
    range.
    """
    if family not in FAMILIES:
        raise UserError(unknown("family of models", family, FAMILIES))
    known = {field.name: field for field in fields(FAMILIES[family])}
    for name in values:
        if name not in known:
            raise UserError(unknown(f"setting of {family}", name, known))
    missing = [name for name, field in known.items() if field.default is MISSING and name not in values]
    if missing:
        raise UserError(f"{family}: {', '.join(missing)} missing; settings: {', '.join(known)}")
    for name, value in values.items():
        valid = _why_not(value, known[name].type)
        if valid:
            raise UserError(f"{family}: {name} is {value!r}; valid: {valid}")
    return FAMILIES[family](**values)


def _why_not(value: Any, expected: Any) -> str:
    """Name the valid values where `value` is none of them, else nothing."""
    if get_origin(expected) is Literal:
        return "" if value in get_args(expected) else ", ".join(get_args(expected))
    if expected is bool:
        return "" if isinstance(value, bool) else "true, false"
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return "" if whole else "a whole number, at least 1"
