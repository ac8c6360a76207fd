"""Mistakes in claims: names of experiments, kinds of tests, parameters and values that there are not."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from equivariance.analysis.claims.columns import EXPERIMENT
from equivariance.analysis.claims.kinds import KINDS, PARAMETERS, Kind
from equivariance.errors import unknown, unknown_names
from equivariance.measures.names import AGGREGATIONS, mistake
from equivariance.reserved import NONE, OWN, UNTRAINED
from equivariance.workflow.config import Config

DIRECTIONS = ("above", "below", "within")


def claim_mistakes(
    config: Config, experiments: Collection[str], unreadable: Collection[tuple[str, ...]] = ()
) -> Iterator[str]:
    """Every mistake of the claims that does not show in one section alone, one text each.

    `experiments` are all that the configuration has, in the run or not. `unreadable` are entries, such as
    ("claims", "C1"), that do not fit their schema.
    """
    models = [model for name, model in config.models.items() if ("models", name) not in unreadable]
    schemes = {NONE, *(scheme for model in models for scheme in model["schemes"])}
    for name, claim in config.claims.items():
        if ("claims", name) in unreadable:
            continue
        yield from unknown_names(f"claims.{name}.datasets", "data set", claim["datasets"], config.datasets)
        for number, test in enumerate(claim["tests"]):
            place = f"claims.{name}.tests.{number}"
            if test["test"] not in KINDS:
                yield f"{place}.test: {unknown('kind of test', test['test'], KINDS)}"
                continue
            # Where a model cannot be read, its schemes are not known.
            known = schemes if len(models) == len(config.models) else None
            yield from _test(place, test, KINDS[test["test"]], config, experiments, known)


def _test(
    place: str,
    test: Mapping[str, Any],
    kind: Kind,
    config: Config,
    experiments: Collection[str],
    schemes: Collection[str] | None,
) -> Iterator[str]:
    yield from unknown_names(f"{place}.experiments", "experiment", test["experiments"], experiments)
    for name in test["measures"]:
        if wrong := mistake(name):
            yield f"{place}.measures: {wrong}"
    allowed = {*kind.needs, *kind.takes}
    for name in kind.needs:
        if name not in test:
            yield f"{place}: {name} is missing; {test['test']} needs {', '.join(kind.needs)}"
    for name in PARAMETERS:
        if name in test and name not in allowed and test[name] is not False:
            takes = ", ".join(sorted(allowed)) or "(none)"
            yield f"{place}.{name}: {test['test']} has no such parameter; valid: {takes}"
    for key in ("where", "first", "second"):
        for column, values in test.get(key, {}).items():
            valid = _valid_values(config, test["experiments"], schemes)
            yield from _values(f"{place}.{key}.{column}", column, values, valid)
    criteria = test["criteria"]
    yield from unknown_names(f"{place}.criteria", f"criterion of {test['test']}", criteria, kind.criteria)
    for name, given in criteria.items():
        yield from _criterion(f"{place}.criteria.{name}", given, config)


def _criterion(place: str, given: Mapping[str, Any], config: Config) -> Iterator[str]:
    directions = [name for name in DIRECTIONS if name in given]
    if len(directions) > 1:
        yield f"{place}: give one of {', '.join(DIRECTIONS)}, not {' and '.join(directions)}"
    for direction in directions:
        threshold = given[direction]
        of_datasets = threshold if isinstance(threshold, Mapping) else {}
        yield from unknown_names(
            f"{place}.{direction}", "data set", set(of_datasets) - {"default"}, config.datasets
        )
        named = [
            one for one in (of_datasets.values() if of_datasets else [threshold]) if isinstance(one, str)
        ]
        valid = config.judging["thresholds"]
        yield from unknown_names(f"{place}.{direction}", "threshold of judging.thresholds", named, valid)


def _valid_values(
    config: Config, experiments: list[str], schemes: Collection[str] | None
) -> dict[str, tuple[str, Collection[str]]]:
    """What the values of a column are called, and which there are: of columns whose values are known."""
    sets = [*config.transformations, UNTRAINED]
    images = [OWN, *(f"{name}_{part}" for name in config.datasets for part in ("test", "train"))]
    return {
        "dataset": ("data set", config.datasets),
        "model": ("model", config.models),
        **dict.fromkeys(("trained_with", "retrained_with", "measured_with", "tested_with"), ("set", sets)),
        "aggregation": ("aggregation", AGGREGATIONS),
        "measured_on": ("images", images),
        EXPERIMENT: ("experiment of the test", experiments),
        **({} if schemes is None else {"scheme": ("scheme", schemes)}),
    }


def _values(
    place: str, column: str, values: Any, valid: Mapping[str, tuple[str, Collection[str]]]
) -> Iterator[str]:
    """Mistakes in the values of a column whose values the configuration names."""
    listed = values if isinstance(values, list) else [values]
    if column == "measure":
        yield from (f"{place}: {wrong}" for wrong in map(mistake, map(str, listed)) if wrong)
    elif column in valid:
        yield from unknown_names(place, valid[column][0], map(str, listed), valid[column][1])
