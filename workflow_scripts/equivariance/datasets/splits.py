"""Which images are for testing, and which classes are kept.

Images of one subject or one clip resemble each other, so a split that mixes them measures memory as much as
recognition; `by_group` keeps each group on one side. `at_random` is the split of older studies.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.settings import whole
from equivariance.errors import UserError, unknown


def by_group(images: ImageSet, test_groups: Collection[str]) -> ImageSet:
    """Put the named groups, and nothing else, into the test part. Raises UserError for an unknown group."""
    known = set(images.groups.tolist())
    for group in test_groups:
        if group not in known:
            raise UserError(unknown("group", group, known))
    if known <= set(test_groups):
        raise UserError("all groups are in the test part; leave some for training")
    return replace(images, test=np.isin(images.groups, list(test_groups)))


def by_group_fraction(images: ImageSet, fraction: float, seed: int) -> ImageSet:
    """Put whole groups into the test part, about `fraction` of every class as far as groups allow.

    From a random start, groups are moved to the other side while this brings the class counts of the test
    part nearer to the wanted ones (sum over classes of (n - wanted)^2 / size). A class of a single group is
    in the training part; one of more is in both parts where its groups allow. The same seed gives the same
    split.
    """
    _check(fraction, seed)
    names, group = np.unique(images.groups, return_inverse=True)
    counts = np.zeros((len(names), len(images.classes)))  # (groups, classes)
    np.add.at(counts, (group, images.labels), 1)
    if len(names) < 2:
        raise UserError(f"a split by group needs two groups or more; there are {len(names)}")
    generator = np.random.default_rng(seed)
    chosen = generator.random(len(names)) < fraction
    best = _distance(counts, chosen, fraction)
    improved = True
    while improved:
        improved = False
        for index in generator.permutation(len(names)):
            chosen[index] ^= True
            distance = _distance(counts, chosen, fraction)
            if distance < best:
                best, improved = distance, True
            else:
                chosen[index] ^= True
    return replace(images, test=chosen[group])


def _distance(counts: NDArray[np.float64], chosen: NDArray[np.bool_], fraction: float) -> float:
    """How far the split is from the wanted one; a class that is missing in a part counts most."""
    sizes = counts.sum(axis=0)
    test = counts[chosen].sum(axis=0)
    off = ((test - fraction * sizes) ** 2 / np.maximum(sizes, 1)).sum()
    missing_in_train = ((test == sizes) & (sizes > 0)).sum()
    missing_in_test = ((test == 0) & ((counts > 0).sum(axis=0) > 1)).sum()
    worst = sizes.sum() + 1
    return float(off + worst * (missing_in_test + (len(sizes) + 1) * missing_in_train))


def at_random(images: ImageSet, fraction: float, seed: int) -> ImageSet:
    """Put a random `fraction` of each class into the test part, rounded, and at least one image of a class
    that has two."""
    _check(fraction, seed)
    generator = np.random.default_rng(seed)
    test = np.zeros(len(images.labels), dtype=np.bool_)
    for label in range(len(images.classes)):
        members = np.flatnonzero(images.labels == label)
        wanted = min(max(round(fraction * len(members)), 1), max(len(members) - 1, 0))
        test[generator.permutation(members)[:wanted]] = True
    return replace(images, test=test)


def keep_frequent_classes(images: ImageSet, minimum: int) -> ImageSet:
    """Drop the classes of fewer than `minimum` images and number the others anew, 0 .. K-1, in their order.

    Raises UserError when no class is left.
    """
    kept = np.flatnonzero(np.bincount(images.labels, minlength=len(images.classes)) >= max(minimum, 1))
    if not len(kept):
        raise UserError(f"no class has {minimum} images or more")
    chosen = np.isin(images.labels, kept)
    return replace(
        images,
        images=images.images[chosen],
        labels=np.searchsorted(kept, images.labels[chosen]).astype(np.int64),
        classes=tuple(images.classes[label] for label in kept),
        groups=images.groups[chosen],
        test=images.test[chosen],
    )


def _check(fraction: float, seed: int) -> None:
    if not isinstance(fraction, int | float) or not 0 < fraction < 1:
        raise UserError(f"the fraction of test images is {fraction!r}; needed: between 0 and 1")
    whole("seed", seed, 0)
