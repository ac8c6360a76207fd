"""Kernels refuse what does not fit together: nothing is read or written where no argument is."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equivariance.measures.kernels import distance, goodfellow, resampling, variance

FLOATS = (np.float32, np.float64)
# The arguments of each kernel: their dimensions by name, the same name for what has to be the same size; for
# indices also the name of what they count.
KERNELS = {
    variance.add_differences: {"rows": "n T U", "pilot": "T U", "total": "T U", "squares": "T U"},
    variance.add_deviations: {"rows": "n T U", "deviations": "U"},
    distance.add_absolute_differences: {
        "rows": "R U",
        "groups": "G m < R",
        "exchanges": "E 2 < m",
        "out": "U",
    },
    distance.add_euclidean_distances: {
        "rows": "R V D",
        "groups": "G m < R",
        "normalize": "flag",
        "out": "V",
    },
    goodfellow.count_firings: {
        "block": "n T U",
        "identity": "< T",
        "signs": "s",
        "thresholds": "s U",
        "only_firing": "flag",
        "fired": "s U",
        "firings": "s U",
    },
    goodfellow.keep_largest: {"rows": "n U", "signs": "s", "kept": "s k U"},
    resampling.resample: {
        "maps": "n T C P",
        "indices": "T 4 Q < P",
        "weights": "T 4 Q",
        "out": "n T C Q",
    },
    resampling.map_distances: {"first": "N P", "second": "N P", "plain": "N", "normalized": "N"},
}

kernels = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
dtypes = pytest.mark.parametrize("dtype", FLOATS, ids=lambda dtype: dtype.__name__)
seeds = st.integers(0, 1000)


def dimensions(kernel) -> list[str]:
    """Every dimension of every argument, by name."""
    return [
        size
        for text in KERNELS[kernel].values()
        if text != "flag"
        for size in text.partition("<")[0].split()
    ]  # fmt: skip


def arguments(kernel, dtype, sizes: dict[str, int], seed: int, spoiled: tuple[str, int, int] | None = None):
    """Draw arguments that fit, but for the dimension of one, which has another size."""
    random = np.random.default_rng(seed)
    made = {}
    for name, text in KERNELS[kernel].items():
        if text == "flag":
            made[name] = bool(random.integers(2))
            continue
        shape_text, _, counted = map(str.strip, text.partition("<"))
        shape = [sizes.get(size) or int(size) for size in shape_text.split()]
        if spoiled and spoiled[0] == name:
            shape[spoiled[1]] = spoiled[2]
        if counted:
            integer = np.int32 if name == "indices" else np.int64
            made[name] = random.integers(0, sizes[counted], shape).astype(integer)[()]
        elif name in ("fired", "firings"):
            made[name] = np.zeros(shape, np.int64)
        else:
            sums = name == "deviations" or (name == "out" and kernel is not resampling.resample)
            made[name] = random.standard_normal(shape).astype(np.float64 if sums else dtype)
    return made


def draw_sizes(data, kernel) -> dict[str, int]:
    names = {name for name in dimensions(kernel) if name.isalpha()}
    return {name: data.draw(st.integers(1, 7), name) for name in sorted(names)}


@kernels
@dtypes
@given(data=st.data(), seed=seeds)
@settings(max_examples=15, deadline=None)
def test_arguments_that_fit_are_taken(kernel, dtype, data, seed):
    made = arguments(kernel, dtype, draw_sizes(data, kernel), seed)
    kernel(*made.values())


@kernels
@dtypes
@given(data=st.data(), seed=seeds)
@settings(max_examples=60, deadline=None)
def test_a_dimension_of_another_size_is_refused(kernel, dtype, data, seed):
    sizes = draw_sizes(data, kernel)
    shared = [name for name in dimensions(kernel) if dimensions(kernel).count(name) > 1 or name.isdigit()]
    places = [
        (argument, place, name)
        for argument, text in KERNELS[kernel].items()
        if text != "flag"
        for place, name in enumerate(text.partition("<")[0].split())
        if name in shared
    ]
    argument, place, name = data.draw(st.sampled_from(places))
    right = sizes.get(name) or int(name)
    wrong = data.draw(st.integers(0, 9).filter(lambda size: size != right))
    # One map for all transformations fits.
    assume((kernel.__name__, argument, place, wrong) != ("resample", "maps", 1, 1))
    with pytest.raises(ValueError, match=r"differ in shape|no transformations|none of the"):
        kernel(*arguments(kernel, dtype, sizes, seed, (argument, place, wrong)).values())


@pytest.mark.parametrize(
    "kernel", [kernel for kernel, given in KERNELS.items() if any("<" in text for text in given.values())]
)
@dtypes
@given(data=st.data(), seed=seeds, off=st.integers(0, 2**30), below=st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_index_of_nothing_is_refused(kernel, dtype, data, seed, off, below):
    sizes = draw_sizes(data, kernel)
    made = arguments(kernel, dtype, sizes, seed)
    indices = data.draw(st.sampled_from([name for name, text in KERNELS[kernel].items() if "<" in text]))
    counted = sizes[KERNELS[kernel][indices].rpartition(" ")[2]]
    wrong = -1 - off if below else counted + off
    if np.ndim(made[indices]):
        made[indices].flat[data.draw(st.integers(0, made[indices].size - 1))] = wrong
    else:
        made[indices] = wrong
    with pytest.raises(ValueError, match=r"indices of no|none of the transformations"):
        kernel(*made.values())


def test_deviations_over_no_transformation_are_refused():
    made = arguments(variance.add_deviations, np.float32, {"n": 2, "T": 1, "U": 3}, 0)
    with pytest.raises(ValueError, match="no transformations"):
        variance.add_deviations(made["rows"][:, :0], made["deviations"])


@dtypes
def test_nothing_is_no_mistake(dtype):
    """No sample, no unit, no group."""
    for kernel, given_arguments in KERNELS.items():
        for name in ("n", "U", "V", "G", "N", "C"):
            if name not in dimensions(kernel):
                continue
            sizes = dict.fromkeys((size for size in dimensions(kernel) if size.isalpha()), 2)
            made = arguments(kernel, dtype, sizes, 0)
            for argument, text in given_arguments.items():
                if name in text.partition("<")[0].split():
                    axis = text.split().index(name)
                    made[argument] = np.ascontiguousarray(made[argument].take([], axis))
            kernel(*made.values())


@dtypes
@pytest.mark.parametrize("units", [1, variance.CHUNK, 2 * variance.CHUNK + 3])
def test_rows_cut_anywhere_add_up_to_the_same_bits(dtype, units):
    sizes = {"n": 7, "T": 6, "U": units}
    whole, cut = (arguments(variance.add_differences, dtype, sizes, 0) for _ in range(2))
    rows = cut.pop("rows")
    variance.add_differences(*whole.values())
    for part in np.split(rows, [1, 3]):
        variance.add_differences(part, *cut.values())
    for name, sums in cut.items():
        np.testing.assert_array_equal(sums, whole[name])
