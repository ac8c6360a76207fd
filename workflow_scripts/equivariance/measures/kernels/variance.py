"""The inner loops of the variance measures on a CPU.

Written out, because as a chain of array operations every step would read and write the memory again, and the
memory, not the arithmetic, sets the pace. What is compared within a sample and over the samples takes a loop
each: the activations are still in the cache for the second, and together the sums would not be.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

CHUNK = 4096  # units at a time: what is summed for them stays in the first caches


@njit(nogil=True, cache=True, error_model="numpy")
def add_differences(
    rows: NDArray[np.floating],
    pilot: NDArray[np.floating],
    total: NDArray[np.floating],
    squares: NDArray[np.floating],
) -> None:
    """Add the differences of rows (n, T, U) from the pilot (T, U), and their squares, to sums (T, U).

    Raises ValueError for shapes that do not fit.
    """
    count, transformations, units = rows.shape
    if not rows.shape[1:] == pilot.shape == total.shape == squares.shape:
        raise ValueError("rows and sums differ in shape")
    flat = rows.reshape(count * transformations, units)
    for t in range(transformations):
        for start in range(0, units, CHUNK):
            stop = min(start + CHUNK, units)
            origin, sums = pilot[t, start:stop], total[t, start:stop]
            _add_rows(flat, t, transformations, count, start, stop, origin, sums, squares[t, start:stop])


@njit(nogil=True, cache=True, error_model="numpy")
def add_deviations(rows: NDArray[np.floating], deviations: NDArray[np.float64]) -> None:
    """Add to `deviations` (U,) the standard deviations (ddof=1) over T of rows (n, T, U), from sums of
    differences from the first of the T values.

    Raises ValueError for shapes that do not fit.
    """
    count, transformations, units = rows.shape
    if deviations.shape != (units,):
        raise ValueError("rows and deviations differ in shape")
    if not transformations:
        raise ValueError("no transformations")
    flat = rows.reshape(count * transformations, units)
    sums = np.empty((2, CHUNK), rows.dtype)
    per_value = rows.dtype.type(1 / transformations)
    per_freedom = rows.dtype.type(1 / max(transformations - 1, 1))
    for start in range(0, units, CHUNK):
        stop = min(start + CHUNK, units)
        total, squares = sums[0, : stop - start], sums[1, : stop - start]
        for i in range(count):
            sums[:] = 0
            origin = rows[i, 0, start:stop]
            _add_rows(flat, i * transformations, 1, transformations, start, stop, origin, total, squares)
            _add_deviations(total, squares, deviations[start:stop], per_value, per_freedom)


@njit(error_model="numpy")
def _add_rows(rows, first, step, count, start, stop, origin, total, squares):  # type: ignore[no-untyped-def]
    # Every `step`-th row from the first, `count` in all: four in one loop, so that the sums are read and
    # written once for them.
    whole = count - count % 4
    for k in range(0, whole, 4):
        r = first + k * step
        a, b = rows[r, start:stop], rows[r + step, start:stop]
        c, d = rows[r + 2 * step, start:stop], rows[r + 3 * step, start:stop]
        _add_four(a, b, c, d, origin, total, squares)
    for k in range(whole, count):
        _add_one(rows[first + k * step, start:stop], origin, total, squares)


# Functions of their own, of flat arrays: so the compiler makes vector instructions of the loops.


@njit(error_model="numpy")
def _add_four(first, second, third, fourth, origin, total, squares):  # type: ignore[no-untyped-def]
    # From left to right, so that the sums are the same to the last bit wherever rows are cut.
    for u in range(total.size):
        zero = origin[u]
        a, b, c, d = first[u] - zero, second[u] - zero, third[u] - zero, fourth[u] - zero
        total[u] = total[u] + a + b + c + d
        squares[u] = squares[u] + a * a + b * b + c * c + d * d


@njit(error_model="numpy")
def _add_one(row, origin, total, squares):  # type: ignore[no-untyped-def]
    for u in range(total.size):
        difference = row[u] - origin[u]
        total[u] += difference
        squares[u] += difference * difference


@njit(error_model="numpy")
def _add_deviations(sums, squared_sums, deviations, per_value, per_freedom):  # type: ignore[no-untyped-def]
    for u in range(sums.size):
        m2 = squared_sums[u] - sums[u] * sums[u] * per_value
        # Written so that NaN stays NaN.
        deviations[u] += np.sqrt((m2 * 0 if m2 < 0 else m2) * per_freedom)
