"""Inner loops on feature maps, on a CPU: resampling them, and comparing them pixel by pixel."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True, error_model="numpy")
def resample(
    maps: NDArray[np.floating],
    indices: NDArray[np.int32],
    weights: NDArray[np.floating],
    out: NDArray[np.floating],
) -> None:
    """Resample maps (n, S, C, P), with P pixels, by T transformations into `out` (n, T, C, P).

    With S = T each transformation has maps of its own, with S = 1 all have the same. Pixel p under
    transformation t is the sum of the four pixels `indices[t, :, p]` by `weights[t, :, p]`, (T, 4, P) each.
    Four channels go together: finding the neighbours costs as much as reading them.

    Raises ValueError for shapes that do not fit and for indices of no pixel.
    """
    samples, sources, channels, pixels = maps.shape
    members, corners, made_pixels = indices.shape
    if indices.shape != weights.shape or corners != 4 or (sources != 1 and sources != members):
        raise ValueError("maps, indices and weights differ in shape")
    if out.shape != (samples, members, channels, made_pixels):
        raise ValueError("what is read and what is written differ in shape")
    for t in range(members):
        for corner in range(4):
            if _any_outside(indices[t, corner], pixels):
                raise ValueError("indices of no pixel")
    for i in range(samples):
        for t in range(len(indices)):
            given, made = maps[i, t if sources > 1 else 0], out[i, t]
            for c in range(0, channels - 3, 4):
                _resample_four(given[c : c + 4], indices[t], weights[t], made[c : c + 4])
            for c in range(channels - channels % 4, channels):
                _resample_one(given[c], indices[t], weights[t], made[c])


@njit(error_model="numpy")
def _any_outside(indices, count):  # type: ignore[no-untyped-def]
    found = False
    for p in range(indices.size):  # all of them, as the compiler makes vector instructions of that
        found |= (indices[p] < 0) | (indices[p] >= count)
    return found


@njit(error_model="numpy")
def _resample_four(given, indices, weights, made):  # type: ignore[no-untyped-def]
    (a, b, c, d), (made_a, made_b, made_c, made_d) = given, made
    i, j, k, m = indices
    weight_i, weight_j, weight_k, weight_m = weights
    for p in range(made_a.size):
        # In variables of their own: the compiler cannot know that what is written changes no index or weight.
        at_i, at_j, at_k, at_m = i[p], j[p], k[p], m[p]
        wi, wj, wk, wm = weight_i[p], weight_j[p], weight_k[p], weight_m[p]
        made_a[p] = a[at_i] * wi + a[at_j] * wj + a[at_k] * wk + a[at_m] * wm
        made_b[p] = b[at_i] * wi + b[at_j] * wj + b[at_k] * wk + b[at_m] * wm
        made_c[p] = c[at_i] * wi + c[at_j] * wj + c[at_k] * wk + c[at_m] * wm
        made_d[p] = d[at_i] * wi + d[at_j] * wj + d[at_k] * wk + d[at_m] * wm


@njit(error_model="numpy")
def _resample_one(given, indices, weights, made):  # type: ignore[no-untyped-def]
    for p in range(made.size):
        made[p] = 0
        for corner in range(4):
            made[p] += given[indices[corner, p]] * weights[corner, p]


@njit(nogil=True, cache=True, error_model="numpy")
def map_distances(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    plain: NDArray[np.floating],
    normalized: NDArray[np.floating],
) -> None:
    """Write the Euclidean distances of maps (N, P) to `plain` (N,), and of the maps divided by their norms,
    where a map of zeros stays, to `normalized` (N,).

    Raises ValueError for shapes that do not fit.
    """
    if first.shape != second.shape or not plain.shape == normalized.shape == first.shape[:1]:
        raise ValueError("maps and distances differ in shape")
    for n in range(len(first)):
        one = first.dtype.type(1)
        norm, other_norm = np.sqrt(_dot(first[n], first[n])), np.sqrt(_dot(second[n], second[n]))
        scale = one / norm if norm > 0 else one
        other_scale = one / other_norm if other_norm > 0 else one
        plain[n] = np.sqrt(_squared_distance(first[n], second[n], one, one))
        normalized[n] = np.sqrt(_squared_distance(first[n], second[n], scale, other_scale))


# Sums that may be taken in any order, and hence in vectors.


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def _dot(first, second):  # type: ignore[no-untyped-def]
    total = first.dtype.type(0)
    for p in range(first.size):
        total += first[p] * second[p]
    return total


@njit(error_model="numpy", fastmath={"reassoc", "contract"})
def _squared_distance(first, second, scale, other_scale):  # type: ignore[no-untyped-def]
    total = first.dtype.type(0)
    for p in range(first.size):
        difference = first[p] * scale - second[p] * other_scale
        total += difference * difference
    return total
