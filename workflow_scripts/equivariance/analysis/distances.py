"""How far two profiles are from each other."""

import numpy as np
from numpy.typing import ArrayLike


def relative_difference(p: ArrayLike, q: ArrayLike) -> float:
    """Mean of |p - q| / (|p| + |q|) over the layers of two profiles, each (L,); 0 where both are 0.

    It is from 0 (equal) to 1 (one is 0, or signs differ), whatever the unit of the measure: the relative
    difference by which Quiroga (2020) compares sizes of samples and of sets. Raises ValueError where the
    profiles are of different lengths, and where they are empty.
    """
    first, second = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(f"profiles of shapes {first.shape} and {second.shape}; needed: two of one length")
    # Of halves, so that the sum of two of the largest numbers is still finite.
    first, second = first / 2, second / 2
    size = np.abs(first) + np.abs(second)
    differences = np.divide(np.abs(first - second), size, out=np.zeros_like(size), where=size > 0)
    return float(differences.mean())
