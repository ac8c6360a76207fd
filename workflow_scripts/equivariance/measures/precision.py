"""Where sums of float32 do not do: activations whose squares leave its range.

What is summed in the precision of the tiles are squares of differences, and of activations, over the rows of
a block, the transformations of a sample, or the pixels of a feature map: some thousands of terms.

    too large    The largest float32 is 3.4e38. Activations up to 1e16 in size differ by at most 2e16, whose
                 square 4e32 leaves room for 800,000 terms: for some thousands, with a factor of 10 for later
                 tiles whose activations are larger than the first one's.
    too small    Below 1.2e-38 float32 is evenly spaced by 1.4e-45. Where a unit spreads by 1e-15, its squares
                 are about 1e-30; even those of a spread within its samples that is a million times smaller,
                 as almost invariant units have, are about 1e-42, and right to a thousandth.
"""

import torch
from torch import Tensor

LARGEST = 1e16
SMALLEST_SPREAD = 1e-15
CHUNK = 1 << 20  # activations checked at a time


@torch.no_grad()
def needs_float64(block: Tensor) -> bool:
    """Whether some unit of activations (rows, ...), of any layout, needs sums of float64.

    True where a unit's activations differ over the rows, but by less than `SMALLEST_SPREAD`, or are larger
    than `LARGEST`, of either sign. NaN and infinities do not count, and neither does a unit that is constant.
    """
    rows = block.detach().flatten(1) if block.dim() > 1 else block.detach()[:, None]
    if not rows.is_floating_point():
        rows = rows.double()
    if not len(rows):
        return False
    return any(_leaves_float32(part) for part in rows.split(max(CHUNK // len(rows), 1), dim=1))


def _leaves_float32(rows: Tensor) -> bool:
    low, high = rows.amin(0).double(), rows.amax(0).double()
    if not (low.isfinite() & high.isfinite()).all():
        finite = rows.isfinite()
        low = rows.where(finite, torch.inf).amin(0).double()
        high = rows.where(finite, -torch.inf).amax(0).double()
    spread = high - low  # negative where nothing is finite
    small = (spread > 0) & (spread < SMALLEST_SPREAD)
    large = (spread >= 0) & (torch.maximum(high, -low) > LARGEST)
    return bool((small | large).any())
