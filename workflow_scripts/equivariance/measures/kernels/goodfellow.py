"""Loops of Goodfellow's measures for a CPU.

Units go in chunks, whose thresholds and counts stay in the L1 cache while the rows of a sample pass by.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

CHUNK = 1024  # units


@njit(nogil=True, cache=True, error_model="numpy")
def count_firings(
    block: NDArray[np.floating],
    identity: int,
    signs: NDArray[np.floating],
    thresholds: NDArray[np.floating],
    only_firing: bool,
    fired: NDArray[np.int64],
    firings: NDArray[np.int64],
) -> None:
    """Do what `goodfellow.count_firings` does, for a block (n, T, U).

    `signs` and `thresholds` (signs, U) have the block's dtype: a product with a wider sign would be compared
    in the wider precision. Raises ValueError for shapes that do not fit, and for an identity that is none.
    """
    samples, transformations, units = block.shape
    if not thresholds.shape == fired.shape == firings.shape == (len(signs), units):
        raise ValueError("block, thresholds and counts differ in shape")
    if not 0 <= identity < transformations:
        raise ValueError("the identity is none of the transformations")
    counts = np.empty(CHUNK, np.int32)
    whole = transformations - transformations % 4
    for sample in range(samples):
        for start in range(0, units, CHUNK):
            stop = min(start + CHUNK, units)
            count = counts[: stop - start]
            for index in range(len(signs)):
                sign, threshold = signs[index], thresholds[index, start:stop]
                count[:] = 0
                for t in range(0, whole, 4):
                    first, second = block[sample, t, start:stop], block[sample, t + 1, start:stop]
                    third, fourth = block[sample, t + 2, start:stop], block[sample, t + 3, start:stop]
                    _count_four(first, second, third, fourth, sign, threshold, count)
                for t in range(whole, transformations):
                    _count_one(block[sample, t, start:stop], sign, threshold, count)
                row = block[sample, identity, start:stop]
                fired_here = fired[index, start:stop]
                firings_here = firings[index, start:stop]
                for unit in range(len(count)):
                    fires = np.int64(sign * row[unit] > threshold[unit])
                    fired_here[unit] += fires
                    firings_here[unit] += count[unit] * (fires if only_firing else 1)


# Functions of their own, of flat arrays: so the compiler makes vector instructions of the loops.


@njit(error_model="numpy")
def _count_four(first, second, third, fourth, sign, threshold, count):  # type: ignore[no-untyped-def]
    # Four rows in one loop, so that thresholds and counts are read once for them.
    for unit in range(count.size):
        least = threshold[unit]
        count[unit] += np.int32(sign * first[unit] > least) + np.int32(sign * second[unit] > least)
        count[unit] += np.int32(sign * third[unit] > least) + np.int32(sign * fourth[unit] > least)


@njit(error_model="numpy")
def _count_one(row, sign, threshold, count):  # type: ignore[no-untyped-def]
    for unit in range(count.size):
        count[unit] += sign * row[unit] > threshold[unit]


@njit(nogil=True, cache=True, error_model="numpy")
def keep_largest(rows: NDArray[np.floating], signs: NDArray[np.floating], kept: NDArray[np.floating]) -> None:
    """Put the largest of sign * rows (n, U) and of `kept` (signs, k, U) into `kept`.

    Each kept[s, :, u] is a binary heap with the smallest value at 0, which most new values do not reach. A
    NaN takes that place for ever, since no value is greater than NaN.

    Raises ValueError for shapes that do not fit.
    """
    size = kept.shape[1]
    if kept.shape[0] != len(signs) or kept.shape[2] != rows.shape[1] or not size:
        raise ValueError("rows, signs and kept values differ in shape")
    for index in range(len(signs)):
        heap = kept[index]
        for row in range(rows.shape[0]):
            for unit in range(rows.shape[1]):
                value = signs[index] * rows[row, unit]
                if value > heap[0, unit]:
                    place = 0
                    while 2 * place + 1 < size:
                        child = 2 * place + 1
                        if child + 1 < size and heap[child + 1, unit] < heap[child, unit]:
                            child += 1
                        if heap[child, unit] >= value:
                            break
                        heap[place, unit] = heap[child, unit]
                        place = child
                    heap[place, unit] = value
                elif np.isnan(value):
                    heap[0, unit] = value
