"""Figures of an experiment, one module per kind. They read tables and image grids, never torch.

A kind is a module with `INPUT`, the sorts of data it draws, and `plot(data, experiment, labels, stand_ins)`.
Adding a kind is adding a module and its line in `INPUTS`.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from equivariance.errors import UserError, unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INPUTS = {
    "layer_profile": ("profiles",),
    "heat_map": ("units",),
    "distribution": ("units",),
    "class_heat_map": ("profiles",),
    "relative_error_map": ("profiles",),
    "bars": ("accuracies", "networks"),
    "accuracy_heat_map": ("class_accuracies",),
    "learning_curves": ("histories",),
    "image_grid": ("images",),
}
"""What each kind of figure draws, any one of: a table of layer profiles, of single units, of whole networks,
of accuracies, of accuracies by class and transformation, of trainings; or images."""

KINDS = tuple(INPUTS)


def module(kind: str) -> ModuleType:
    """The module of a kind of figure, imported when first asked for. Raises UserError for an unknown kind."""
    if kind not in INPUTS:
        raise UserError(unknown("kind of figure", kind, KINDS))
    return import_module(f"{__name__}.{kind}")


def plot(
    kind: str, data: Any, experiment: dict[str, Any], labels: dict[str, str], stand_ins: dict[str, str]
) -> "Figure":
    """Draw an experiment.

    `experiment` is its entry in `experiments.yaml`, `labels` the display names of data sets, models and sets,
    `stand_ins` says for each data set which one it stands in for ("" for real data).
    """
    figure: Figure = module(kind).plot(data, experiment, labels, stand_ins)
    return figure
