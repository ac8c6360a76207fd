"""The kinds of figures by name.

To add a kind, add its module, with one class, a `Kind`, and its name to `KINDS`. Nothing else names a kind:
the workflow, the paper and the report read its class. Modules of kinds import what draws within their
functions: the workflow asks them what they draw on every start, and seaborn takes a second.
"""

from functools import cache
from importlib import import_module

from equivariance.errors import UserError, unknown
from equivariance.figures.kind import Kind

KINDS = (
    "layer_profile",
    "heat_map",
    "distribution",
    "class_heat_map",
    "relative_error_map",
    "bars",
    "accuracy_heat_map",
    "learning_curves",
    "image_grid",
)
"""Names of the kinds, which are those of their modules; `layer_profile` has the class `LayerProfile`."""


@cache
def figure_kind(name: str) -> Kind:
    """The kind of figure of a name. Raises UserError for an unknown one."""
    if name not in KINDS:
        raise UserError(unknown("kind of figure", name, KINDS))
    class_name = "".join(word.capitalize() for word in name.split("_"))
    kind: Kind = getattr(import_module(f"equivariance.figures.{name}"), class_name)()
    return kind


def drawable_kinds(sorts: tuple[str, ...]) -> list[str]:
    """Names of the kinds that draw any of some sorts of data."""
    return [name for name in KINDS if {*figure_kind(name).draws} & {*sorts}]
