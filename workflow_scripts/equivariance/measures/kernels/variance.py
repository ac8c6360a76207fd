"""The inner loops of the variance measures on a CPU: one pass over the activations while they are in the
cache.

Written out, because as a chain of array operations every step would read and write the memory again, and the
memory, not the arithmetic, sets the pace.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

CHUNK = 4096  # units at a time: what is summed for them stays in the second cache


@njit(nogil=True, cache=True, error_model="numpy")
def add_rows(
    rows: NDArray[np.floating],
    pilot: NDArray[np.floating],
    total: NDArray[np.floating],
    squares: NDArray[np.floating],
    deviations: NDArray[np.float64],
) -> None:
    """Add the differences of rows (n, T, U) from the pilot (T, U), and their squares, to sums (T, U).

    To `deviations` (U,) are added the rows' standard deviations (ddof=1) over T, from sums of differences
    from the first of the T values.

    Raises ValueError for shapes that do not fit.
    """
    count, transformations, units = rows.shape
    if not rows.shape[1:] == pilot.shape == total.shape == squares.shape or deviations.shape != (units,):
        raise ValueError("rows, sums and deviations differ in shape")
    if not transformations:
        raise ValueError("no transformations")
    sums = np.empty((2, count, CHUNK), rows.dtype)
    per_value = rows.dtype.type(1 / transformations)
    per_freedom = rows.dtype.type(1 / max(transformations - 1, 1))
    for start in range(0, units, CHUNK):
        size = min(CHUNK, units - start)
        stop = start + size
        sums[:] = 0
        for t in range(transformations):
            for i in range(count):
                _add(
                    rows[i, t, start:stop],
                    rows[i, 0, start:stop],
                    sums[0, i, :size],
                    sums[1, i, :size],
                    pilot[t, start:stop],
                    total[t, start:stop],
                    squares[t, start:stop],
                )
        for i in range(count):
            _add_deviations(
                sums[0, i, :size], sums[1, i, :size], deviations[start:stop], per_value, per_freedom
            )


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
    for t in range(transformations):
        for start in range(0, units, CHUNK):
            stop = min(start + CHUNK, units)
            for i in range(count):
                _add_squares(
                    rows[i, t, start:stop],
                    pilot[t, start:stop],
                    total[t, start:stop],
                    squares[t, start:stop],
                )


@njit(nogil=True, cache=True, error_model="numpy")
def add_deviations(rows: NDArray[np.floating], deviations: NDArray[np.float64]) -> None:
    """Add to `deviations` (U,) the standard deviations (ddof=1) over T of rows (n, T, U), as `add_rows` does.

    Raises ValueError for shapes that do not fit.
    """
    count, transformations, units = rows.shape
    if deviations.shape != (units,):
        raise ValueError("rows and deviations differ in shape")
    if not transformations:
        raise ValueError("no transformations")
    sums = np.empty((2, CHUNK), rows.dtype)
    per_value = rows.dtype.type(1 / transformations)
    per_freedom = rows.dtype.type(1 / max(transformations - 1, 1))
    for i in range(count):
        for start in range(0, units, CHUNK):
            stop = min(start + CHUNK, units)
            total, squares = sums[0, : stop - start], sums[1, : stop - start]
            sums[:] = 0
            for t in range(transformations):
                _add_squares(rows[i, t, start:stop], rows[i, 0, start:stop], total, squares)
            _add_deviations(total, squares, deviations[start:stop], per_value, per_freedom)


# Functions of their own, of flat arrays: so the compiler makes vector instructions of the loops.


@njit(error_model="numpy")
def _add(row, first, sums, squared_sums, pilot, total, squares):  # type: ignore[no-untyped-def]
    for u in range(row.size):
        from_first = row[u] - first[u]
        sums[u] += from_first
        squared_sums[u] += from_first * from_first
        from_pilot = row[u] - pilot[u]
        total[u] += from_pilot
        squares[u] += from_pilot * from_pilot


@njit(error_model="numpy")
def _add_squares(row, origin, total, squares):  # type: ignore[no-untyped-def]
    for u in range(row.size):
        difference = row[u] - origin[u]
        total[u] += difference
        squares[u] += difference * difference


@njit(error_model="numpy")
def _add_deviations(sums, squared_sums, deviations, per_value, per_freedom):  # type: ignore[no-untyped-def]
    for u in range(sums.size):
        m2 = squared_sums[u] - sums[u] * sums[u] * per_value
        # Written so that NaN stays NaN.
        deviations[u] += np.sqrt((m2 * 0 if m2 < 0 else m2) * per_freedom)
