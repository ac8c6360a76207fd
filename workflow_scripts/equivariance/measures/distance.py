"""The distance measures of the thesis: what variance measures, with mean distances instead.

With A[i, j] the activation for sample i under transformation j, n samples and m transformations, and D(V) the
mean over all unordered pairs of the Euclidean distance of the vectors in V:

    TD = (1/n) sum_i D({A[i, j] : j})    transformational distance
    SD = (1/m) sum_j D({A[i, j] : i})    sample distance
    ND = TD / SD                         normalised distance

What is a vector is the variant, behind the name:

    nd                   every unit by itself, whose distance is |difference|
    nd_keep              a feature map (H, W); the units of layers without feature maps by themselves
    nd_normalize_keep    the same, each feature map divided by its L2 norm first; one of zeros stays
    nd_normalize         as nd: a vector of one number is not normalised

TD and SD are in units of the activation, or from 0 to 2 for normalised vectors. ND is 0 for an invariant unit
and close to NV: for normal values with standard deviation sigma the expected distance is 2 sigma / sqrt(pi).

Batches keep the number of pairs linear in n and m: only vectors of the same batch are compared, and every
pair weighs the same. Batches of transformations are drawn once and for all; neighbouring ones, as in the
author's code, are too much alike. Batches of samples are consecutive ones, as these come in random order.
"""

import functools
from collections.abc import Collection
from typing import Any, Literal, Self

import torch
from torch import Tensor

from equivariance.measures.accumulator import Accumulator, Setting
from equivariance.measures.kernels import distance as kernels
from equivariance.measures.views import is_spatial

Kind = Literal["scalar", "keep", "normalize_keep"]

TRANSFORMATIONS = 64  # of a batch, where no size is given
SAMPLES = 4  # of a batch, where no size is given
CHUNK = 1 << 24  # numbers that a device other than a CPU makes at a time


class DistanceAccumulator(Accumulator):
    """TD and SD of one layer: maps `td` and `sd`, of the layer's shape or, for whole feature maps, (C,).

    Up to `batch` vectors are compared with each other; None stands for 64 transformations and 4 samples. A
    batch of all samples or transformations is exact. The last batch of samples may be smaller; one of a
    single sample has no pairs. Without a pair the mean distance is 0.

    Sums of float64; those over the pairs of one batch are in the setting's dtype, which has to be float64
    where squares of differences leave the range of float32 (see `precision`).

    Besides the sums it keeps the samples of an unfinished batch. What was cut at multiples of the batch, in
    whatever pieces, merges to the result of the whole; cut elsewhere, other pairs are compared.
    """

    STATE = ("_passes", "_td_sum", "_sd_sum", "_held", "_pending")
    BY_ROWS = ("td",)
    BY_COLUMNS = ("sd",)

    def __init__(
        self, setting: Setting, wanted: Collection[str] | None = None, *, kind: Kind, batch: int | None = None
    ) -> None:
        super().__init__(setting, wanted)
        self._keep = kind != "scalar"
        self._normalize = kind == "normalize_keep"
        self._most_transformations = batch or TRANSFORMATIONS
        self._most_samples = batch or SAMPLES
        self._td_sum = self._sd_sum = torch.zeros(0, dtype=torch.float64)  # (V,), over samples, over T
        self._held = 0
        self._pending = torch.empty(0, dtype=setting.dtype)  # (held or more, T, V, D), J for T in two passes

    @classmethod
    def takes_maps(cls, **options: Any) -> bool:
        """A vector is a feature map, except for single units."""
        return bool(options["kind"] != "scalar")

    @classmethod
    def cell_bytes(cls, dtype: torch.dtype, **options: Any) -> int:
        """A batch of samples."""
        return (options.get("batch") or SAMPLES) * dtype.itemsize

    @classmethod
    def unit_bytes(
        cls, dtype: torch.dtype, *, wanted: Collection[str] | None = None, samples: int = 0, **options: Any
    ) -> int:
        """A sum for each map; for whole feature maps it is less."""
        return 8 * len({*cls.BY_ROWS, *cls.BY_COLUMNS} if wanted is None else wanted)

    def _update(self, block: Tensor) -> None:
        vectors = self._vectors(block)
        self._compare_transformations(vectors)
        self._compare_samples(vectors)

    def _update_rows(self, block: Tensor) -> None:
        self._compare_transformations(self._vectors(block))

    def _update_columns(self, block: Tensor) -> None:
        self._compare_samples(self._vectors(block))

    def _vectors(self, block: Tensor) -> Tensor:
        """Cut a block (n, T, ...) into the vectors that are compared, (n, T, V, D), contiguous."""
        if not self._has_whole_maps:
            return self._flat_units(block).unsqueeze(3)
        return block.flatten(3).to(self.setting.dtype).contiguous()

    @property
    def _has_whole_maps(self) -> bool:
        return self._keep and is_spatial(self._layer)

    def _compare_transformations(self, vectors: Tensor) -> None:
        """Compare the transformations of each of some samples (n, T, V, D), in batches."""
        samples, transformations = vectors.shape[:2]
        self._td_sum = _sum_of(self._td_sum, vectors)
        rows = vectors.flatten(0, 1)
        first = transformations * torch.arange(samples)[:, None]
        for batch in transformation_batches(transformations, self._most_transformations):
            add_distances(rows, first + batch, self._normalize, self._td_sum)

    def _compare_samples(self, vectors: Tensor) -> None:
        """Compare samples (n, T, V, D) in complete batches, without a copy where one is complete, and hold
        the rest."""
        size = self._most_samples
        self._sd_sum = _sum_of(self._sd_sum, vectors)
        while len(vectors):
            if self._held or len(vectors) < size:
                taken = min(size - self._held, len(vectors))
                self._hold(vectors[:taken])
                if self._held == size:
                    _add_sample_distances(self._pending, size, self._normalize, self._sd_sum)
                    self._held = 0
            else:
                taken = len(vectors) - len(vectors) % size
                _add_sample_distances(vectors[:taken], size, self._normalize, self._sd_sum)
            vectors = vectors[taken:]

    def _hold(self, vectors: Tensor) -> None:
        held = self._held + len(vectors)
        if held > len(self._pending) or self._pending.device != vectors.device:
            # Room for a batch, but not at once: it may be meant to be larger than any number of samples.
            room = min(max(held, 2 * len(self._pending)), self._most_samples)
            larger = vectors.new_empty((room, *vectors.shape[1:]))
            if self._held:
                larger[: self._held] = self._pending[: self._held]
            self._pending = larger
        self._pending[self._held : held] = vectors
        self._held = held

    def _fold(self) -> None:
        self._add_unfinished(self._sd_sum)
        self._held = 0
        self._pending = self._pending.new_empty(0)

    def _add_unfinished(self, out: Tensor) -> None:
        if self._held:
            _add_sample_distances(self._pending[: self._held], self._held, self._normalize, out)

    def _merge(self, other: Self) -> None:
        """Add the sums; the samples of the other's unfinished batch come behind one's own."""
        self._add_sums(other, "_td_sum", "_sd_sum")
        if other._held:
            held = other._pending[: other._held]
            self._compare_samples(held.to(self._sd_sum.device, self.setting.dtype))

    def _compute(self) -> dict[str, Tensor]:
        """Return the maps `td` and `sd`; an unfinished batch counts with the pairs it has."""
        transformations, samples = self._passes.transformations or self._passes.start, self._passes.count
        maps = {}
        if "td" in self.wanted:
            batches = transformation_batches(transformations, self._most_transformations)
            maps["td"] = self._td_sum / max(samples * sum(_pairs(len(batch)) for batch in batches), 1)
        if "sd" in self.wanted:
            total = self._sd_sum.clone()
            self._add_unfinished(total)
            complete, rest = divmod(samples, self._most_samples)
            pairs = complete * _pairs(self._most_samples) + _pairs(rest)
            maps["sd"] = total / max(transformations * pairs, 1)
        shape = self._layer[:1] if self._has_whole_maps else self._layer
        return {name: values.reshape(shape).cpu() for name, values in maps.items()}


def _sum_of(sums: Tensor, vectors: Tensor) -> Tensor:
    """Return the sums for vectors (n, T, V, D), on their device; zeros where there are none yet."""
    return sums.to(vectors.device) if len(sums) else vectors.new_zeros(vectors.shape[2], dtype=torch.float64)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


@functools.cache
def transformation_batches(count: int, size: int) -> tuple[Tensor, ...]:
    """Cut the indices of `count` transformations, in a fixed random order, into batches as equal as possible.

    At most `size` in a batch, except that with size 2 an odd number ends in a batch of 3: nothing is left
    without a partner.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    batches = min(-(-count // size), max(count // 2, 1))
    return order.tensor_split(batches)


def _add_sample_distances(vectors: Tensor, size: int, normalize: bool, out: Tensor) -> None:
    """Compare samples (n, T, V, D) with those of the same batch, n a multiple of `size`, under the same
    transformation."""
    rows = vectors.flatten(0, 1)
    groups = torch.arange(len(rows)).view(-1, size, vectors.shape[1]).transpose(1, 2).reshape(-1, size)
    add_distances(rows, groups, normalize, out)


def add_distances(rows: Tensor, groups: Tensor, normalize: bool, out: Tensor) -> None:
    """Add to `out` (V,), float64, the distances of all pairs of rows (R, V, D) in each of the groups (G, m).

    Each row has V vectors of length D, and a group m indices of rows. With `normalize` vectors of more than
    one number are divided by their L2 norm first, except those of zeros.
    """
    if rows.device.type != "cpu":
        add_distances_by_torch(rows, groups, normalize, out)
    elif rows.shape[2] == 1:
        flat, indices = rows.squeeze(2).numpy(), groups.numpy()
        kernels.add_absolute_differences(flat, indices, kernels.exchanges(groups.shape[1]), out.numpy())
    else:
        kernels.add_euclidean_distances(rows.numpy(), groups.numpy(), normalize, out.numpy())


def add_distances_by_torch(rows: Tensor, groups: Tensor, normalize: bool, out: Tensor) -> None:
    """Do what `add_distances` does, on any device."""
    length, count = rows.shape[2], groups.shape[1]
    groups = groups.to(rows.device)
    compared = groups.numel() * (length if length == 1 else max(length, count))  # numbers for each vector
    size = max(CHUNK // compared, 1)
    for part, sums in zip(rows.split(size, dim=1), out.split(size), strict=True):
        vectors = part[groups]  # (G, m, v, D)
        sums += _absolute_differences(vectors) if length == 1 else _euclidean_distances(vectors, normalize)


def _absolute_differences(values: Tensor) -> Tensor:
    """Sum |x_i - x_j| over pairs and groups of values (G, m, v, 1) from the gaps of the sorted values."""
    gaps = values.squeeze(3).sort(dim=1).values.diff(dim=1)  # (G, m - 1, v)
    below = torch.arange(1, values.shape[1], device=values.device)
    pairs = below * (values.shape[1] - below)  # that a gap lies between
    return (gaps * pairs[:, None]).sum((0, 1), dtype=torch.float64)


def _euclidean_distances(vectors: Tensor, normalize: bool) -> Tensor:
    """Sum the distances over pairs and groups of vectors (G, m, v, D)."""
    if normalize:
        norms = torch.linalg.vector_norm(vectors, dim=3, keepdim=True)
        vectors = vectors / norms.where(norms > 0, 1)
    vectors = vectors.transpose(1, 2)  # (G, v, m, D)
    distances = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    distances.diagonal(dim1=2, dim2=3).zero_()  # NaN for infinite vectors, which are no pair with themselves
    return distances.sum((0, 2, 3), dtype=torch.float64) / 2
