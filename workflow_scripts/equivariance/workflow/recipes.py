"""Recipes of models: widths, epochs and batch size for a data set, or for a group of data sets."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from equivariance.errors import unknown
from equivariance.workflow.validation import merge

NEEDED = ("widths", "epochs", "batch_size")


def recipe_keys(
    dataset: str, recipe_of: Mapping[str, str], groups: Mapping[str, Collection[str]]
) -> list[str]:
    """List the keys under which a model may give a recipe for a data set; later ones change earlier ones.

    These are its group and its name. Where `recipe_of` gives another data set, they are the keys of that one,
    and then its name.
    """
    chain = [dataset]
    while (other := recipe_of.get(chain[0])) is not None and other not in chain:
        chain.insert(0, other)
    return [*(name for name, members in groups.items() if chain[0] in members), *chain]


def write_out_recipes(
    given: Mapping[str, Any],
    datasets: Collection[str],
    recipe_of: Mapping[str, str],
    groups: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """Write out what a model gives by data set and group: one recipe for each data set that it has any for.

    Keys that name neither a data set nor a group are kept, for the checks to report.
    """
    recipes: dict[str, Any] = {key: recipe for key, recipe in given.items() if key not in groups}
    for dataset in datasets:
        parts = [given[key] for key in recipe_keys(dataset, recipe_of, groups) if key in given]
        if parts:
            recipes[dataset] = {}
            for part in parts:
                merge(recipes[dataset], part)
    return recipes


def recipe_mistakes(
    datasets: Collection[str], recipe_of: Mapping[str, str], groups: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Find mistakes that leave it open which recipe a data set has."""
    by_member: dict[str, list[str]] = {}
    for name, members in groups.items():
        for member in members:
            by_member.setdefault(member, []).append(name)
    for member, names in by_member.items():
        if len(names) > 1:
            yield f"recipe_groups: {member!r} is in {' and '.join(names)}; leave it in one of them"
        if member in recipe_of:
            yield f"datasets.{member}: it has recipe_of and is in recipe_groups.{names[0]}; give one of them"
    for name, other in recipe_of.items():
        chain = [name]
        while other in recipe_of and other not in chain:
            chain.append(other)
            other = recipe_of[other]
        if other not in datasets and len(chain) == 1:
            yield f"datasets.{name}.recipe_of: {unknown('data set', other, datasets)}"
        if other == name:
            yield f"datasets.{name}.recipe_of: goes in a circle: {' -> '.join([*chain, other])}"
