"""Seeded choices: which images, in which order, with which transformation."""

import hashlib

import numpy as np
import torch

FIRST_BLOCK = 16  # of a nested sample: a power of two, with room for two images of each of many classes


def derived_seed(seed: int, purpose: str) -> int:
    """A seed of 63 bits for one purpose of one experiment seed; purposes do not share random numbers."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{purpose}".encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose, so that a GPU draws the same numbers as a CPU."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose))


def stratified_sample(labels: np.ndarray, count: int | None, purpose: str) -> np.ndarray:
    """Choose `count` indices with the shares of the classes kept as far as whole images allow.

    `labels` is (N,); the result is sorted, of length min(count, N), or N where `count` is None. Each class
    has its share to within two images. The same labels, count and purpose always choose the same images, so
    that networks which differ in their seed see the same ones.
    """
    if count is None or count >= len(labels):
        return np.arange(len(labels))
    return np.sort(_stratified_order(labels, np.random.default_rng(derived_seed(0, purpose)))[:count])


def nested_sample(labels: np.ndarray, count: int | None, purpose: str) -> np.ndarray:
    """Choose `count` indices in a random order, of which those for a smaller count are the first.

    As `stratified_sample`, but for the order and the shares of the classes: they are kept up to the largest
    power of two in `count`; beyond it, the images are a random part of those up to the next one.
    """
    random = np.random.default_rng(derived_seed(0, purpose))
    order = _stratified_order(labels, random)
    # In the stratified order neighbours are of different classes. Shuffled in blocks they are any two images;
    # the blocks that a count holds are the same for every larger count.
    start, stop = 0, FIRST_BLOCK
    while start < len(order):
        order[start:stop] = random.permutation(order[start:stop])
        start, stop = stop, 2 * stop
    return order[:count]


def _stratified_order(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Order all indices such that the first ones, however many, have the shares of the classes."""
    # Every image gets its place within its class, as a fraction of the class: the lowest fractions hold equal
    # shares of all classes. Random jitter breaks ties between classes without favouring the first ones.
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (random.permutation(len(members)) + random.random()) / len(members)
    return np.argsort(place, kind="stable")
