"""What is gained by retraining some of the layers of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import combinations

import numpy as np

from equivariance.analysis.claims.cells import Cell, by_seed, keys, layer_means, network_values
from equivariance.analysis.claims.estimates import Bound, Estimate, NotRun
from equivariance.analysis.claims.statistics import mean_interval
from equivariance.language import _
from equivariance.reserved import NONE

Interval = tuple[float, float, float, int]
"""A mean, the ends of its interval, and the number of seeds."""


def disjoint_schemes(cell: Cell) -> Iterator[Estimate]:
    """Whether two disjoint sets of layers are each as good to retrain as those of the scheme `reference`.

    `loss` is the mean over seeds of the accuracy of a scheme minus that of the reference, in points: of
    the worse scheme of the pair that speaks most for the claim that both are above a threshold. A pair is
    disjoint if the patterns of its schemes cannot match the same layer.
    """
    (model,) = cell.rows["model"].unique()
    table = by_seed(network_values(cell.rows, {"value": "accuracy"}), ["scheme"])
    reference = cell.test["reference"]
    if reference not in table:
        raise NotRun(_("no network with retrained layers: {scheme}").format(scheme=reference))
    losses = {
        scheme: mean_interval((table[scheme] - table[reference]).to_numpy(), cell.judging)
        for scheme in table.columns
        if scheme not in (reference, NONE)
    }
    patterns = cell.schemes[model]
    pairs = [pair for pair in combinations(losses, 2) if disjoint(*(patterns[name] for name in pair))]
    if not pairs:
        raise NotRun(_("no two schemes have different layers"))
    for criterion, bound in cell.bounds.items():
        worse, pair = _best_pair(pairs, losses, bound)
        note = _("best pair: {first} and {second}").format(first=pair[0], second=pair[1])
        yield Estimate(criterion, *losses[worse], note=note)


def _best_pair(
    pairs: list[tuple[str, str]], losses: Mapping[str, Interval], bound: Bound | None
) -> tuple[str, tuple[str, str]]:
    """The pair that speaks most for the claim, after its worse scheme: by the low end of the interval.

    Where no pair is above the threshold by that, it is the one with the highest high end, so that the claim
    is contradicted only if all pairs are below.
    """
    for end in (1, 2):
        ends = {name: loss[end] if np.isfinite(loss[end]) else loss[0] for name, loss in losses.items()}
        pair = max(pairs, key=lambda pair: min(ends[name] for name in pair))
        worse = min(pair, key=lambda name: ends[name])
        if bound is None or ends[worse] > bound.threshold:
            break
    return worse, pair


def disjoint(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether no layer fits patterns of both.

    >>> disjoint(["conv*"], ["fc*"]), disjoint(["conv*"], ["conv1*"])
    (True, False)
    """
    return not any(fnmatchcase(a, b) or fnmatchcase(b, a) for a in first for b in second)


def retrained_layers(cell: Cell) -> Iterator[Estimate]:
    """How the values of layers change by retraining, scheme by scheme.

    `largest_before` is the largest change of a layer before the first retrained one, of all seeds: frozen
    layers behind the same input have the same values. `mean_from` is the mean change of the layers from the
    first retrained one on.
    """
    (model,) = cell.rows["model"].unique()
    rows = layer_means(cell.rows)
    by = [name for name in keys(cell.rows) if name not in ("scheme", "retrained_with", "seed", "augmented")]
    if (rows[by].nunique() > 1).any():
        raise NotRun(_("the cell mixes several conditions"))
    wide = rows.pivot_table(
        index=["layer_index", "layer"], columns=["scheme", "seed"], values="mean", sort=True
    )
    schemes = wide.columns.get_level_values("scheme").unique()
    if NONE not in schemes:
        raise NotRun(_("no network that was not retrained"))
    names = wide.index.get_level_values("layer")
    for scheme in [name for name in schemes if name != NONE]:
        seeds = wide[scheme].columns.intersection(wide[NONE].columns)
        change = (wide[scheme][seeds] - wide[NONE][seeds]).to_numpy()  # (layers, seeds)
        patterns = cell.schemes[model][scheme]
        first = next(i for i, name in enumerate(names) if any(fnmatchcase(name, one) for one in patterns))
        about = {"scheme": scheme}
        for criterion in cell.bounds:
            if criterion == "mean_from":
                of_seeds = change[first:].mean(axis=0)
                yield Estimate(criterion, *mean_interval(of_seeds, cell.judging), about=about)
            elif first:
                largest = float(np.abs(change[:first]).max())
                yield Estimate(criterion, largest, largest, largest, len(seeds), about=about)
