"""The kinds of tests that a claim can ask for: a new one is a function in a module, and an entry here.

Nothing here is slow to import: a configuration is checked by this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from equivariance.language import N_

if TYPE_CHECKING:
    from equivariance.analysis.claims.cells import Cell
    from equivariance.analysis.claims.estimates import Estimate

PACKAGE = "equivariance.analysis.claims"


@dataclass(frozen=True)
class Kind:
    """A kind of test: the module that its function, of the same name, is in; what it reads; what it gives."""

    module: str
    criteria: Mapping[str, str]
    """Its statistics, with the names that a reader sees."""
    needs: tuple[str, ...] = ()
    """Parameters that a test of this kind must have."""
    takes: tuple[str, ...] = ()
    """Parameters that it may have."""


KINDS = {
    "seed_stability": Kind(
        "stability",
        {
            "spearman": N_("Spearman correlation between seeds"),
            "distance_within": N_("distance between seeds"),
            "icc": N_("intraclass correlation of layers"),
        },
    ),
    "factor_ratio": Kind(
        "factors",
        {
            "factor_ratio": N_("distance between conditions / between seeds"),
            "distance_between": N_("distance between conditions"),
        },
        needs=("factor",),
        takes=("same_network",),
    ),
    "distance_contrast": Kind(
        "factors",
        {
            "distance_ratio": N_("ratio of distances between conditions"),
            "distance_difference": N_("difference of distances between conditions"),
        },
        needs=("factor", "first", "second"),
        takes=("same_network",),
    ),
    "agreement": Kind(
        "stability",
        {
            "spearman_of_measures": N_("Spearman correlation between measures"),
            "distance_of_measures": N_("distance between measures"),
        },
        needs=("first", "second"),
    ),
    "variance_shares": Kind(
        "shares",
        {"share_difference": N_("difference of shares of variance")},
        needs=("factor", "first", "second"),
    ),
    "difference": Kind(
        "differences",
        {"mean": N_("mean"), "difference": N_("difference"), "ratio": N_("ratio")},
        needs=("value",),
        takes=("layers", "first", "second", "best"),
    ),
    "sign_test": Kind(
        "differences",
        {"share_below": N_("share of conditions with a negative difference")},
        needs=("value", "first", "second"),
        takes=("layers",),
    ),
    "trend": Kind(
        "trends",
        {"trend": N_("rank correlation with the level")},
        needs=("value", "factor", "levels"),
        takes=("layers",),
    ),
    "group_effect": Kind(
        "groups",
        {"eta_squared": N_("eta squared of Kruskal and Wallis")},
        needs=("value", "factor"),
        takes=("layers",),
    ),
    "sensitivity": Kind(
        "sensitivity",
        {"effect_difference": N_("difference of standardized effects")},
        needs=("factor", "first", "second"),
    ),
    "sample_error": Kind(
        "sizes",
        {
            "error": N_("relative error to the largest sizes"),
            "error_trend": N_("rank correlation of error and size"),
        },
        takes=("at",),
    ),
    "disjoint_schemes": Kind(
        "retraining",
        {"loss": N_("accuracy minus that of retraining all layers, worse of two disjoint sets")},
        needs=("reference",),
    ),
    "retrained_layers": Kind(
        "retraining",
        {
            "largest_before": N_("largest change before the retrained layers"),
            "mean_from": N_("mean change from the first retrained layer on"),
        },
    ),
}

PARAMETERS = tuple(dict.fromkeys(name for kind in KINDS.values() for name in (*kind.needs, *kind.takes)))
"""All parameters that some kind has."""


def modules(kinds: set[str]) -> list[str]:
    """The modules of kinds, which `compute` imports by name."""
    return sorted({f"{PACKAGE}.{KINDS[kind].module}" for kind in kinds})


def compute(kind: str, cell: Cell) -> Iterator[Estimate]:
    """The statistics of a kind of test for a cell. Raises NotRun where the cell lacks something."""
    module = import_module(f"{PACKAGE}.{KINDS[kind].module}")
    return cast(Callable[[Any], "Iterator[Estimate]"], getattr(module, kind))(cell)
