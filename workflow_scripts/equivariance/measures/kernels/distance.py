"""Inner loops of the distance measures on a CPU: sums of the distances of all pairs among some vectors.

What is compared is first copied into a small array, which stays in the second cache while all of its pairs
are taken; in the activations, rows that are a power of two apart would evict each other.
"""

import functools

import numpy as np
from numba import njit, uintp
from numpy.typing import NDArray

CHUNK = 256  # units whose values are sorted together: 49 values of each fill the first cache
PAIRS_CHUNK = 2048  # units whose sums of pairs stay in the first cache
TILE = 512  # components of long vectors; what is longer is summed in float64
LANES = 16  # numbers of a vector instruction: a rest of fewer would be taken one by one


@functools.cache
def exchanges(count: int) -> NDArray[np.int64]:
    """List the compare-exchanges (E, 2) that sort `count` values: Batcher's merge exchange.

    The places do not depend on the values, so that many units can be sorted in step. Source: Knuth, The Art
    of Computer Programming, vol. 3, algorithm 5.2.2M.
    """
    found = []
    top = p = 1 << (count - 1).bit_length() >> 1
    while p:
        q, r, d = top, 0, p
        while d:
            found += [(i, i + d) for i in range(count - d) if i & p == r]
            d, q, r = q - p, q // 2, p
        p //= 2
    return np.array(found, np.int64).reshape(-1, 2)


@njit(nogil=True, cache=True, error_model="numpy")
def add_absolute_differences(
    rows: NDArray[np.floating],
    groups: NDArray[np.int64],
    exchanges: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Add to `out` (U,), for each of the groups (G, m) of indices of rows (R, U), sum_{i<j} |x_i - x_j|.

    The gap between the k-th and the next of m sorted values lies between the two values of k (m - k) pairs:
    m log^2 m operations instead of m^2, and no cancellation, as no term is negative. The six pairs of four
    values cost less than sorting them.

    Raises ValueError for shapes that do not fit and for indices of nothing.
    """
    count, units = groups.shape[1], rows.shape[1]
    if out.shape != rows.shape[1:] or exchanges.shape[1] != 2:
        raise ValueError("rows, exchanges and sums differ in shape")
    if _any_outside(groups, len(rows)) or _any_outside(exchanges, count):
        raise ValueError("indices of no row")
    if count == 4:
        for start in range(0, units, PAIRS_CHUNK):
            stop = min(start + PAIRS_CHUNK, units)
            for g in range(len(groups)):
                i, j, k, m = groups[g]
                first, second = rows[i, start:stop], rows[j, start:stop]
                _add_six_pairs(first, second, rows[k, start:stop], rows[m, start:stop], out[start:stop])
        return
    steps, place = _steps(exchanges, count)
    memory = np.zeros((count + 2) * CHUNK, rows.dtype)
    ordered = memory.reshape(count + 2, CHUNK)
    total = np.empty(CHUNK, rows.dtype)
    for start in range(0, units, CHUNK):
        stop = min(start + CHUNK, units)
        for g in range(len(groups)):
            for k in range(count):
                _copy(rows[groups[g, k], start:stop], ordered[k])
            for e in range(len(steps)):
                _exchange(memory, steps[e, 0], steps[e, 1], steps[e, 2], steps[e, 3])
            total[:] = 0
            for k in range(1, count):
                _add_gaps(memory, place[k - 1], place[k], rows.dtype.type(k * (count - k)), total)
            _add(total, out[start:stop])


@njit(error_model="numpy")
def _steps(exchanges, count):  # type: ignore[no-untyped-def]
    # Each exchange reads two places and writes two others, of which there are two more than values. Returns
    # the starts of the four in the memory, and those of the values once they are sorted.
    steps = np.empty((len(exchanges), 4), np.int64)
    place = CHUNK * np.arange(count + 2)
    for e in range(len(exchanges)):
        i, j = exchanges[e]
        lower, upper = place[count], place[count + 1]
        steps[e, 0], steps[e, 1], steps[e, 2], steps[e, 3] = place[i], place[j], lower, upper
        place[count], place[count + 1] = place[i], place[j]
        place[i], place[j] = lower, upper
    return steps, place


# Functions of their own, of flat arrays: so the compiler makes vector instructions of the loops. Places of
# one array, of a length that is known and from starts that cannot be negative, rather than rows of it: making
# those takes longer than the exchange.


@njit(error_model="numpy")
def _exchange(memory, first, second, lower, upper):  # type: ignore[no-untyped-def]
    # Not in place, which the compiler would turn into masked stores, five times slower. Where one of the two
    # is NaN both are kept, which minimum and maximum would not grant; its gaps then make the sum NaN.
    for u in range(CHUNK):
        a, b = memory[uintp(first + u)], memory[uintp(second + u)]
        memory[uintp(lower + u)] = b if b < a else a
        memory[uintp(upper + u)] = a if b < a else b


@njit(error_model="numpy")
def _add_gaps(memory, lower, upper, pairs, total):  # type: ignore[no-untyped-def]
    for u in range(CHUNK):
        total[u] += pairs * (memory[uintp(upper + u)] - memory[uintp(lower + u)])


@njit(error_model="numpy")
def _add_six_pairs(first, second, third, fourth, out):  # type: ignore[no-untyped-def]
    for u in range(out.size):
        a, b, c, d = first[u], second[u], third[u], fourth[u]
        out[u] += (abs(a - b) + abs(c - d)) + (abs(a - c) + abs(b - d)) + (abs(a - d) + abs(b - c))


@njit(error_model="numpy")
def _copy(row, out):  # type: ignore[no-untyped-def]
    for u in range(row.size):
        out[u] = row[u]


@njit(error_model="numpy")
def _add(total, out):  # type: ignore[no-untyped-def]
    for u in range(out.size):
        out[u] += total[u]


@njit(nogil=True, cache=True, error_model="numpy")
def add_euclidean_distances(
    rows: NDArray[np.floating],
    groups: NDArray[np.int64],
    normalize: bool,
    out: NDArray[np.float64],
) -> None:
    """Add to `out` (V,), for each of the groups (G, m) of indices of rows (R, V, D), the sum of the Euclidean
    distances of all pairs of vectors, each divided by its norm first with `normalize` (zeros stay).

    Raises ValueError for shapes that do not fit and for indices of nothing.
    """
    count = groups.shape[1]
    _, vectors, length = rows.shape
    if out.shape != (vectors,):
        raise ValueError("rows and sums differ in shape")
    if _any_outside(groups, len(rows)):
        raise ValueError("indices of no row")
    width = min(TILE, _rounded_up(length))
    tile = np.empty((count, width), rows.dtype)
    scales = np.ones(count, rows.dtype)
    squares = np.empty(count * (count - 1) // 2, np.float64)
    for g in range(len(groups)):
        for v in range(vectors):
            if normalize:
                for k in range(count):
                    norm = np.sqrt(_squared_norm(rows[groups[g, k], v]))
                    scales[k] = 1 / norm if norm > 0 else 1
            squares[:] = 0
            for start in range(0, length, TILE):
                size = min(TILE, length - start)
                for k in range(count):
                    _scale(rows[groups[g, k], v, start : start + size], scales[k], tile[k, :size])
                    tile[k, size : _rounded_up(size)] = 0  # which adds nothing
                _add_squared_distances(tile.reshape(-1), width, _rounded_up(size), count, squares)
            out[v] += _sum_of_roots(squares)


@njit(error_model="numpy")
def _rounded_up(length):  # type: ignore[no-untyped-def]
    return -(-length // LANES) * LANES


@njit(error_model="numpy")
def _add_squared_distances(vectors, width, size, count, squares):  # type: ignore[no-untyped-def]
    # All pairs of vectors, which begin `width` apart and are `size` long, in some order: two with four at a
    # time, so that each is read less often.
    pair = 0
    for i in range(0, count - 1, 2):
        first = i * width
        squares[pair] += _squared_distance(vectors, first, first + width, size)
        pair += 1
        together = count - (count - i - 2) % 4
        for j in range(i + 2, together, 4):
            found = _eight_squared_distances(vectors, first, j * width, width, size)
            for k in range(8):
                squares[pair + k] += found[k]
            pair += 8
        for j in range(together, count):
            squares[pair] += _squared_distance(vectors, first, j * width, size)
            squares[pair + 1] += _squared_distance(vectors, first + width, j * width, size)
            pair += 2


@njit(error_model="numpy")
def _any_outside(indices, count):  # type: ignore[no-untyped-def]
    found = False
    for index in indices.flat:
        found |= (index < 0) | (index >= count)
    return found


@njit(error_model="numpy")
def _squared_norm(vector):  # type: ignore[no-untyped-def]
    total = np.float64(0)
    for start in range(0, vector.size, TILE):
        total += _sum_of_squares(vector[start : start + TILE])
    return total


# Sums that may be taken in any order, and hence in vectors.


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def _sum_of_squares(vector):  # type: ignore[no-untyped-def]
    total = vector.dtype.type(0)
    for p in range(vector.size):
        total += vector[p] * vector[p]
    return total


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def _squared_distance(vectors, first, second, size):  # type: ignore[no-untyped-def]
    total = vectors.dtype.type(0)
    for p in range(size):
        difference = vectors[uintp(first + p)] - vectors[uintp(second + p)]
        total += difference * difference
    return total


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def _eight_squared_distances(vectors, first, second, width, size):  # type: ignore[no-untyped-def]
    # Those of the vector that begins at `first`, and of the next one, to the four from `second` on.
    zero = vectors.dtype.type(0)
    ia, ib, ic, ie, ja, jb, jc, jd = zero, zero, zero, zero, zero, zero, zero, zero
    for p in range(size):
        i, j = vectors[uintp(first + p)], vectors[uintp(first + width + p)]
        a, b = vectors[uintp(second + p)], vectors[uintp(second + width + p)]
        c, d = vectors[uintp(second + 2 * width + p)], vectors[uintp(second + 3 * width + p)]
        ia += (i - a) * (i - a)
        ib += (i - b) * (i - b)
        ic += (i - c) * (i - c)
        ie += (i - d) * (i - d)
        ja += (j - a) * (j - a)
        jb += (j - b) * (j - b)
        jc += (j - c) * (j - c)
        jd += (j - d) * (j - d)
    return ia, ib, ic, ie, ja, jb, jc, jd


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def _sum_of_roots(squares):  # type: ignore[no-untyped-def]
    total = np.float64(0)
    for square in squares:
        total += np.sqrt(square)
    return total


@njit(error_model="numpy")
def _scale(vector, scale, out):  # type: ignore[no-untyped-def]
    for p in range(vector.size):
        out[p] = vector[p] * scale
