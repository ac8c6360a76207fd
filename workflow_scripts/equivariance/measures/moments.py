"""Mean and variance of streams, cell by cell, exact enough in float32.

Plain float32 sums of squares lose everything where the mean is large against the spread. All sums here are of
differences from a pilot near the values, so that equal values give exactly 0 and a common offset cancels
exactly. With a pilot x_0 among the m values summed, (x_0 - mean)^2 <= M2 (m - 1)/m, hence
sum (x - x_0)^2 <= m M2: cancellation costs at most a factor m of the precision, whatever the values.
"""

import torch
from torch import Tensor

from equivariance.measures.kernels.variance import add_deviations, add_differences
from equivariance.measures.setting import Scratch
from equivariance.measures.stateful import Stateful

# Rows summed before they are merged in float64. Merging costs as much as ten updates, so blocks grow with
# what has been seen, from the first to the longest, which bounds the rounding.
FIRST_BLOCK = 8
LONGEST_BLOCK = 128
CHUNK = 1 << 15  # cells merged at a time: their float64 intermediates stay in the cache


def std_along(block: Tensor, dim: int, scratch: Scratch) -> Tensor:
    """Compute the standard deviation (ddof=1) along one dimension, which goes, in the block's dtype.

    A single value has standard deviation 0. Over an outer dimension two sums take a 20th of torch.var's time.
    """
    count = block.shape[dim]
    differences = scratch.like(block, block.dtype)
    torch.sub(block, block.narrow(dim, 0, 1), out=differences)
    total = differences.sum(dim)
    m2 = differences.mul_(differences).sum(dim).addcmul_(total, total, value=-1 / count)
    return m2.clamp_(min=0).mul_(1 / max(count - 1, 1)).sqrt_()


def add_standard_deviations(rows: Tensor, deviations: Tensor, scratch: Scratch) -> None:
    """Add to `deviations` (U,), float64, the standard deviations (ddof=1) over T of rows (n, T, U)."""
    if rows.device.type == "cpu":
        add_deviations(rows.numpy(), deviations.numpy())
    else:
        deviations += std_along(rows, 1, scratch).double().sum(0)


class Moments(Stateful):
    """Count, mean and sum of squared deviations (M2) of rows (T, U), in float64.

    Rows go into short sums of precision `dtype` of differences from a pilot: the first row, later the mean so
    far, rounded. Where that mean is far from a block's own, so that the block's sums cancel, the distance
    between the two means adds as much to M2 as was lost, since a block is never longer than what came before
    it. Blocks are merged by the formulae of Chan, Golub and LeVeque (1979).

    28 bytes per cell with float32 sums, 40 with float64.
    """

    STATE = ("_merged", "_pending", "_mean", "_m2", "_pilot", "_sum", "_squares")

    def __init__(self, dtype: torch.dtype = torch.float32, scratch: Scratch | None = None) -> None:
        self._dtype = dtype
        self._scratch = scratch or Scratch()
        self._merged = 0  # rows in the float64 state
        self._pending = 0  # rows in the short sums
        self._mean = self._m2 = torch.empty(0, dtype=torch.float64)
        self._pilot = self._sum = self._squares = torch.empty(0, dtype=dtype)

    @torch.no_grad()
    def update(self, rows: Tensor) -> None:
        """Take in rows (n, T, U)."""
        if len(rows) and not self.count:
            self._allocate(rows[0])
            self._pilot.copy_(rows[0])
        while len(rows):
            block = min(max(FIRST_BLOCK, self._merged), LONGEST_BLOCK)
            part, rows = rows.split((taken := min(block - self._pending, len(rows)), len(rows) - taken))
            sums = (self._pilot, self._sum, self._squares)
            if rows.device.type == "cpu":
                add_differences(*(x.numpy() for x in (part, *sums)))
            else:
                self._add(part)
            self._pending += len(part)
            if self._pending == block:
                self._flush()

    def _add(self, rows: Tensor) -> None:
        differences = self._scratch.like(rows, self._dtype)
        torch.sub(rows, self._pilot, out=differences)
        self._sum.add_(differences.sum(0))
        self._squares.add_(differences.mul_(differences).sum(0))

    def _allocate(self, row: Tensor) -> None:
        def zeros(dtype: torch.dtype) -> Tensor:
            return torch.zeros(row.shape, dtype=dtype, device=row.device)

        self._mean, self._m2 = zeros(torch.float64), zeros(torch.float64)
        self._pilot, self._sum, self._squares = zeros(self._dtype), zeros(self._dtype), zeros(self._dtype)

    def _flush(self) -> None:
        """Merge the short sums into the float64 state, and take the mean as the next pilot."""
        if not self._pending:
            return
        cells = (self._mean, self._m2, self._pilot, self._sum, self._squares)
        for mean, m2, pilot, total, squares in zip(*(x.view(-1).split(CHUNK) for x in cells), strict=True):
            shift = total.double().div_(self._pending)  # from the pilot to the mean of the block
            block_m2 = squares.double().addcmul_(shift, shift, value=-self._pending).clamp_(min=0)
            _chan(self._merged, mean, m2, self._pending, shift.add_(pilot), block_m2)
            pilot.copy_(mean)
            total.zero_()
            squares.zero_()
        self._merged += self._pending
        self._pending = 0

    @torch.no_grad()
    def merge(self, other: "Moments") -> None:
        """Take in the rows of another."""
        self._flush()
        other._flush()
        if not other._merged:
            return
        if not self._merged:
            self._allocate(other._mean)
        device = self._mean.device
        _chan(self._merged, self._mean, self._m2, other._merged, other._mean.to(device), other._m2.to(device))
        self._merged += other._merged
        self._pilot.copy_(self._mean)

    @property
    def count(self) -> int:
        """How many rows were taken in."""
        return self._merged + self._pending

    @torch.no_grad()
    def mean(self) -> Tensor:
        """Return the mean of the rows, float64, not to be changed."""
        self._flush()
        return self._mean

    @torch.no_grad()
    def m2(self) -> Tensor:
        """Return the sums of the rows' squared differences from the mean, float64, not to be changed."""
        self._flush()
        return self._m2

    @torch.no_grad()
    def std_sum(self) -> Tensor:
        """Compute the sum, over the first dimension, of the rows' standard deviations (ddof=1), float64.

        The standard deviation of a single row is 0.
        """
        self._flush()
        total = torch.zeros_like(self._m2[0])
        for m2 in self._m2:
            total += (m2 / max(self._merged - 1, 1)).sqrt_()
        return total


def _chan(count: int, mean: Tensor, m2: Tensor, new_count: int, new_mean: Tensor, new_m2: Tensor) -> None:
    """Merge new (count, mean, M2) into `mean` and `m2`; equal means stay as they are, to the last bit."""
    total = count + new_count
    delta = new_mean - mean
    mean.add_(delta, alpha=new_count / total)
    m2.add_(new_m2).addcmul_(delta, delta, value=count * new_count / total)
