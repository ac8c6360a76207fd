"""Seeded choices: which images, in which order, with which transformation."""

import hashlib

import numpy as np
import torch


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
    random = np.random.default_rng(derived_seed(0, purpose))
    # Every image gets its place within its class, as a fraction of the class: the lowest fractions hold equal
    # shares of all classes. Random jitter breaks ties between classes without favouring the first ones.
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (random.permutation(len(members)) + random.random()) / len(members)
    return np.sort(np.argsort(place, kind="stable")[:count])
