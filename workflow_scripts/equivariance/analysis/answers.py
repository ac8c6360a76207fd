"""What the table of an experiment answers, in one to three sentences, with every number computed from it.

Means are over everything that a sentence does not name: seeds, sets of transformations, models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from equivariance.analysis.columns import NETWORK, display, levels, mapped_columns
from equivariance.analysis.compact import COMPARED, FACETS, number, shown, sort_of
from equivariance.analysis.distances import relative_difference
from equivariance.analysis.reading import network_values
from equivariance.analysis.relative_errors import relative_errors
from equivariance.language import _, listed
from equivariance.reserved import NONE, UNTRAINED

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Labels = Mapping[str, str]

MEASURED = ("savepoint", "measured_on", "measured_with", "samples")
"""Columns that tell measurements of one network apart."""

SMALL = 5
"""A difference from the largest corner below so many per cent is said to be small."""


def answer(table: DataFrame, entry: Mapping[str, Any], labels: Labels) -> str:
    """One to three sentences on what an experiment found; "" where its table holds nothing to compare.

    `entry` is the entry of the experiment with its `figure` and its `measures`.
    """
    rows = shown(table, entry)
    if entry["figure"]["kind"] == "relative_error_map":
        return _converged(rows)
    return " ".join(ANSWERS[sort_of(rows)](rows, entry["figure"], labels))


def signed(value: float, digits: int, plus: bool = True) -> str:
    """A number with a minus sign, and a plus sign if wanted.

    >>> signed(-1.25, 1), signed(2, 1), signed(0.5, 2, plus=False)
    ('−1.2', '+2.0', '0.50')
    """
    rounded = round(value, digits) + 0.0  # no minus before zero
    return f"{rounded:{'+' if plus else ''}.{digits}f}".replace("-", "−")


def _compared(rows: DataFrame, mapping: Mapping[str, Any]) -> list[str]:
    """The columns that a figure compares and that take several values."""
    names = mapped_columns(mapping, "x", "hue", "style")
    return [name for name in names if name in rows and rows[name].nunique() > 1]


def _means(rows: DataFrame, by: str | list[str], value: str) -> Series[Any]:
    """Means by the values of columns, those that are none left out."""
    return rows.groupby([by] if isinstance(by, str) else by, sort=False)[value].mean().dropna()


def _accuracies(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """What training with transformations changes, and which condition has the highest accuracy."""
    rows = rows.assign(accuracy=100 * rows["accuracy"])
    if rows["scheme"].nunique() > 1:
        return _schemes(rows, labels)
    sentences = _augmentation(rows)
    own = rows[rows["trained_with"] == rows["tested_with"]]
    own = own[own["trained_with"] != NONE] if sentences else own
    compared = [name for name in _compared(own, mapping) if name != "tested_with"]
    if "dataset" in compared:
        compared = ["dataset"]
    if not compared:
        return sentences
    for dataset, cell in [("", own)] if compared == ["dataset"] else own.groupby("dataset", sort=False):
        means = _means(cell, compared, "accuracy")
        if len(means) < 2:
            continue
        if not dataset:
            text = _(
                "The test accuracy is highest for {high} ({most} %) and lowest for {low} ({least} %), "
                "{points} points below."
            )
        elif {*cell["tested_with"]} == {NONE}:
            text = _(
                "On {dataset} the test accuracy is highest for {high} ({most} %) and lowest for {low} "
                "({least} %), {points} points below."
            )
        else:
            text = _(
                "Tested as trained, on {dataset} the accuracy is highest for {high} ({most} %) and lowest "
                "for {low} ({least} %), {points} points below."
            )
        low, high = (_named(key, compared, labels) for key in (means.idxmin(), means.idxmax()))
        values = {"most": means.max(), "least": means.min(), "points": means.max() - means.min()}
        fields = {name: f"{value:.1f}" for name, value in values.items()}
        named = display("dataset", dataset, labels)
        sentences.append(text.format(dataset=named, high=high, low=low, **fields))
    return sentences


def _named(key: Any, columns: Sequence[str], labels: Labels) -> str:
    """The values of some columns in words."""
    values = key if isinstance(key, tuple) else (key,)
    return ", ".join(display(column, value, labels) for column, value in zip(columns, values, strict=True))


def _beside_plain(rows: DataFrame, by: Sequence[str], value: str) -> DataFrame:
    """Networks trained with transformations, each with the value of the one trained without as `plain`."""
    plain = rows[rows["trained_with"] == NONE].drop_duplicates(by).rename(columns={value: "plain"})
    trained = rows[~rows["trained_with"].isin([NONE, UNTRAINED])]
    return trained.merge(plain[[*by, "plain"]], on=list(by))


def _augmentation(rows: DataFrame) -> list[str]:
    """What training with a set gains on images transformed with it, and costs on others."""
    by = [*(name for name in NETWORK if name != "trained_with"), "savepoint", "tested_with"]
    pairs = _beside_plain(rows, by, "accuracy")
    pairs = pairs.assign(change=pairs["accuracy"] - pairs["plain"])
    gains = pairs[pairs["trained_with"] == pairs["tested_with"]]["change"]
    costs = pairs[pairs["tested_with"] == NONE]["change"]
    if gains.empty or costs.empty:
        return []
    text = _(
        "Training with transformations changes the accuracy on images transformed so by {gain} points on "
        "average ({low} to {high} in single pairs of networks), and that on untransformed images by {cost} "
        "points."
    )
    low, high = signed(gains.min(), 1), signed(gains.max(), 1)
    return [text.format(gain=signed(gains.mean(), 1), low=low, high=high, cost=signed(costs.mean(), 1))]


def _schemes(rows: DataFrame, labels: Labels) -> list[str]:
    """How near retraining some layers comes to retraining all, on images that are transformed."""
    retrained_with = next(value for value in rows["retrained_with"] if value != NONE)
    text = _(
        "On {dataset}, retraining all layers takes the accuracy under {set} from {none} % to {all} %; of the "
        "other schemes, {high} comes to {most} % and {low} to {least} %."
    )
    sentences = []
    for dataset, own in rows[rows["tested_with"] == retrained_with].groupby("dataset", sort=False):
        means = _means(own, "scheme", "accuracy")
        parts = means.drop([NONE, "all"], errors="ignore")
        if {NONE, "all"} <= {*means.index} and len(parts):
            named = {"dataset": display("dataset", dataset, labels)}
            named["set"] = display("tested_with", retrained_with, labels)
            named["high"], named["low"] = (
                display("scheme", name, labels) for name in (parts.idxmax(), parts.idxmin())
            )
            values = {"none": means[NONE], "all": means["all"], "most": parts.max(), "least": parts.min()}
            sentences.append(text.format(**named, **{key: f"{value:.1f}" for key, value in values.items()}))
    return sentences


def _class_accuracies(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """How accuracies fall from upright images to the worst angle, by the set of the training."""
    if "angle" not in rows:
        return []
    sentences = []
    for trained_with in levels(rows["trained_with"]):
        angles = 100 * _means(rows[rows["trained_with"] == trained_with], "angle", "accuracy")
        if trained_with == NONE:
            text = _(
                "Networks that were trained without transformations reach {upright} % at 0° and {least} % at "
                "the worst angle, {angle}°."
            )
        else:
            text = _(
                "Networks that were trained with {set} reach {upright} % at 0° and {least} % at the worst "
                "angle, {angle}°."
            )
        named = display("trained_with", trained_with, labels)
        upright, least = f"{angles.get(0.0, angles.max()):.1f}", f"{angles.min():.1f}"
        angle = f"{angles.idxmin():.4g}".replace("-", "−")
        sentences.append(text.format(set=named, upright=upright, least=least, angle=angle))
    return sentences


def _histories(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """How many times as many epochs trainings with a set take."""
    trainings = rows.drop_duplicates(list(NETWORK), keep="last")
    pairs = _beside_plain(trainings, [name for name in NETWORK if name != "trained_with"], "reached_epoch")
    if pairs.empty:
        return []
    ratio = pairs["reached_epoch"] / pairs["plain"]
    text = _(
        "To 99 % of its final accuracy, a network that is trained with transformations takes {ratio} times "
        "as many epochs as one that is trained without, in the median of {pairs} pairs of networks ({low} to "
        "{high} times)."
    )
    median, low, high = (f"{value:.2f}" for value in (ratio.median(), ratio.min(), ratio.max()))
    return [text.format(ratio=median, pairs=len(pairs), low=low, high=high)]


def _networks(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """How often training with a set lowers the measure of a whole network; else the extreme conditions."""
    rows = rows.rename(columns={"global_layer_mean": "over_layers"})
    facets = mapped_columns(mapping, *COMPARED, *FACETS)
    by = [name for name in dict.fromkeys([*NETWORK, *MEASURED, "measure", *facets]) if name in rows]
    pairs = _beside_plain(rows, [name for name in by if name != "trained_with"], "over_layers")
    if pairs.empty:
        return _conditions(rows, mapping, labels)
    difference = pairs["over_layers"] - pairs["plain"]
    text = _(
        "In {lower} of {pairs} pairs of networks, the one that was trained with transformations has the "
        "smaller {measure}; the mean difference is {difference}."
    )
    measure = display("measure", rows["measure"].iloc[0], labels)
    lower, mean = int((difference < 0).sum()), signed(difference.mean(), 3)
    return [text.format(lower=lower, pairs=len(pairs), measure=measure, difference=mean)]


def _units(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """How units are distributed, and what is compared."""
    text = _("Half of the units have {measure} from {lower} to {upper}; the median is {median}.")
    finite = rows[rows["value"].abs() != float("inf")]
    sentences = []
    for measure in levels(rows["measure"]):
        values = finite[finite["measure"] == measure]["value"]
        lower, median, upper = (number(values.quantile(part)) for part in (0.25, 0.5, 0.75))
        named = display("measure", measure, labels)
        sentences.append(text.format(measure=named, lower=lower, upper=upper, median=median))
    if not _compared(rows, mapping):
        return sentences
    by = [name for name in finite if name not in ("unit", "value")]
    profiles = finite.groupby(by, sort=False, dropna=False)["value"].mean().rename("mean").reset_index()
    return [*sentences, *_profiles(profiles, mapping, labels)]


def _profiles(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """What is compared: training with the measured set, measures, conditions, classes or seeds."""
    values = network_values(rows)
    compared = _compared(values, mapping)
    if "augmented" in compared:
        return _augmented(values, labels)
    if "class" in values:
        return [*_depth(rows, mapping, labels), *_conditions(values, mapping, labels, "class")]
    if "measure" in compared:
        return _measures(values, rows, labels)
    if compared:
        return [*_depth(rows, mapping, labels), *_conditions(values, mapping, labels)]
    seeds = _seeds(rows, labels)
    if values["measure"].nunique() == 1:
        return [*_depth(rows, mapping, labels), *seeds]
    means, *agreement = _measures(values, rows, labels)
    return [means, *(seeds or agreement)]


def _depth(rows: DataFrame, mapping: Mapping[str, Any], labels: Labels) -> list[str]:
    """Where along the network the first measure is smallest and largest; by depth for several models."""
    measure = levels(rows["measure"])[0]
    rows = rows[rows["measure"] == measure]
    if mapping.get("x") == "depth" or rows["model"].nunique() > 1:
        rows = rows.assign(layer_index=rows["depth"].round(1))
        means = rows.groupby("layer_index")["mean"].mean()
        at = [_("{percent} % of the depth").format(percent=round(100 * depth)) for depth in means.index]
        means, order = means.set_axis(at), means.index.to_series().set_axis(at)
    else:
        means, order = _means(rows, "layer", "mean"), rows.groupby("layer")["layer_index"].first()
    text = _(
        "Along the network, {measure} is smallest at {low} ({least}) and largest at {high} ({most}); its "
        "rank correlation with depth is {correlation}."
    )
    named = {"measure": display("measure", measure, labels), "low": means.idxmin(), "high": means.idxmax()}
    correlation = signed(means.corr(order, method="spearman"), 2, plus=False)
    named |= {"least": number(means.min()), "most": number(means.max()), "correlation": correlation}
    return [text.format(**named)]


def _conditions(
    values: DataFrame, mapping: Mapping[str, Any], labels: Labels, column: str | None = None
) -> list[str]:
    """The extreme values of a column, by default of what is compared; where data sets or panels have
    different ones, those of each by the first measure."""
    compared = [name for name in _compared(values, mapping) if name != "measure"]
    column = column or next(iter(compared), None)
    if column is None:
        return []
    for facet in dict.fromkeys(["dataset", *mapped_columns(mapping, *FACETS)]):
        several = facet in values and values[facet].nunique() > 1
        if several and values.groupby(column)[facet].nunique().min() == 1:
            first = values[values["measure"] == levels(values["measure"])[0]]
            return [
                sentence
                for level in levels(first[facet])
                for sentence in _extremes(
                    first[first[facet] == level], column, labels, display(facet, level, labels)
                )
            ]
    return _extremes(values, column, labels)


def _extremes(values: DataFrame, column: str, labels: Labels, where: str = "") -> list[str]:
    """For each measure, the values of a column with the smallest and the largest mean over layers; the
    values are of a part of the conditions, `where`, or of all."""
    text = _(
        "Averaged over layers, {measure} is lowest for {low} ({least}) and highest for {high} ({most}), "
        "{percent} % more."
    )
    if where:
        text = _(
            "For {where}, averaged over layers, {measure} is lowest for {low} ({least}) and highest for "
            "{high} ({most}), {percent} % more."
        )
    sentences = []
    for measure in levels(values["measure"]):
        means = _means(values[values["measure"] == measure], column, "over_layers")
        if len(means) < 2:
            continue
        low, high = (display(column, key, labels) for key in (means.idxmin(), means.idxmax()))
        named = {"measure": display("measure", measure, labels), "low": low, "high": high, "where": where}
        percent = f"{100 * (means.max() / means.min() - 1):,.0f}" if means.min() > 0 else "–"
        sentences.append(
            text.format(**named, least=number(means.min()), most=number(means.max()), percent=percent)
        )
    return sentences


def _augmented(values: DataFrame, labels: Labels) -> list[str]:
    """How training with the set that is measured changes each measure."""
    means = _means(values, ["measure", "augmented"], "over_layers").unstack()
    change = 100 * (means["augmented"] / means["not augmented"] - 1)
    texts = [
        _("{measure} by {change} %").format(
            measure=display("measure", measure, labels), change=signed(change[measure], 0)
        )
        for measure in levels(values["measure"])
    ]
    text = _("Training with the set that is measured changes the mean over layers of {changes}.")
    return [text.format(changes=listed(texts))]


def _measures(values: DataFrame, rows: DataFrame, labels: Labels) -> list[str]:
    """The means of measures, and how well two of them agree on the order of the layers."""
    means, order = _means(values, "measure", "over_layers"), levels(values["measure"])
    texts = [
        _("{measure}: {mean}").format(measure=display("measure", name, labels), mean=number(means[name]))
        for name in order
    ]
    sentences = [_("Means over layers and conditions: {means}.").format(means=listed(texts))]
    by = [name for name in (*NETWORK, *MEASURED) if name in rows]
    wide = rows.pivot_table("mean", [*by, "layer_index"], "measure", aggfunc="mean")
    found = [
        network[one].corr(network[other], method="spearman")
        for _key, network in wide.groupby(by)
        for one, other in combinations(order, 2)
    ]
    found = [value for value in found if value == value]
    if found:
        text = _(
            "Within a network, the rank correlation over layers of two of these measures is {mean} on "
            "average, and {least} at least."
        )
        mean, least = (signed(value, 2, plus=False) for value in (sum(found) / len(found), min(found)))
        sentences.append(text.format(mean=mean, least=least))
    return sentences


def _seeds(rows: DataFrame, labels: Labels) -> list[str]:
    """How far networks that differ in their seed alone are from each other; nothing for single seeds."""
    by = [name for name in (*NETWORK, *MEASURED) if name in rows and name != "seed"]
    texts = []
    for measure in levels(rows["measure"]):
        differences, correlations = [], []
        for _key, cell in rows[rows["measure"] == measure].groupby(by, sort=False):
            wide = cell.pivot_table("mean", "layer_index", "seed").dropna()
            for one, other in combinations(wide, 2):
                differences.append(relative_difference(wide[one], wide[other]))
                correlations.append(wide[one].corr(wide[other], method="spearman"))
        if differences:
            text = _("{measure} {percent} % (rank correlation {correlation})")
            percent = f"{100 * sum(differences) / len(differences):.1f}"
            correlation = signed(sum(correlations) / len(correlations), 2, plus=False)
            named = display("measure", measure, labels)
            texts.append(text.format(measure=named, percent=percent, correlation=correlation))
    if not texts:
        return []
    text = _("Profiles of two seeds differ on average by: {differences}.")
    return [text.format(differences=listed(texts))]


def _converged(rows: DataFrame) -> str:
    """How near a profile of the fewest samples and transformations is, and from how many samples all are."""
    smallest: list[float] = []
    errors: dict[int, list[float]] = {}
    for _key, network in rows.groupby([name for name in NETWORK if name in rows]):
        of_network = 100 * relative_errors(network)
        smallest.append(float(of_network.to_numpy()[0, 0]))
        for samples, found in zip(map(int, of_network.index), of_network.to_numpy(), strict=True):
            errors.setdefault(samples, []).extend(found[found == found])
    near = _first_from(errors)
    text = _(
        "With the fewest samples and transformations, a profile differs by {mean} % on average from that of "
        "the most of both ({most} % at most)."
    )
    sentences = [text.format(mean=f"{sum(smallest) / len(smallest):.1f}", most=f"{max(smallest):.1f}")]
    if near is not None:
        text = _("With {samples} samples or more, all differences are below {limit} %.")
        sentences.append(text.format(samples=near, limit=SMALL))
    return " ".join(sentences)


def _first_from(errors: Mapping[int, Iterable[float]]) -> int | None:
    """The smallest number of samples from which on all errors are small."""
    first = None
    for samples in sorted(errors, reverse=True):
        if max(errors[samples]) >= SMALL:
            break
        first = samples
    return first


ANSWERS: dict[str, Any] = {
    "accuracies": _accuracies,
    "class_accuracies": _class_accuracies,
    "histories": _histories,
    "networks": _networks,
    "profiles": _profiles,
    "units": _units,
}
"""The sentences for each sort of table."""
