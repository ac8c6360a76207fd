"""Whether a network is reproducible: for the same inputs, and for an image in another batch."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from equivariance.errors import listed

SAMPLE = 512  # numbers of a tensor that are compared
OTHER_BATCH = 0.05  # of the largest: dynamic quantization rounds by the batch, to less than a hundredth
SAME_BATCH = 1e-5  # the same inputs again: nothing but the order of sums on a GPU may differ
MEASURED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Values:
    """What tells whether a tensor has the same values again.

    Some of them (any noise shows there), their sum and that of their sizes (where a few values change, too).
    """

    shape: tuple[int, ...]
    sample: Tensor
    sums: Tensor

    def is_same(self, other: "Values") -> bool:
        """Whether the values are those of another."""
        (total, size), (others_total, others_size) = self.sums.tolist(), other.sums.tolist()
        difference = max(abs(total - others_total), abs(size - others_size))
        is_near = difference <= SAME_BATCH * max(size, others_size)
        return is_near and is_close(self.sample, other.sample, SAME_BATCH)


def values_of(tensors: Iterable[Tensor]) -> list[Values]:
    """Take down the values of those tensors that can be measured."""
    found = []
    for tensor in tensors:
        if not unmeasurable(tensor) and tensor.numel():
            finite = tensor.detach().double().nan_to_num(0, 0, 0)
            sums = torch.stack([finite.sum(), finite.abs().sum()])
            found.append(Values(tuple(tensor.shape), sample_of(tensor.detach()), sums))
    return found


def unmeasurable(tensor: Tensor) -> str:
    """Say why a tensor has no numbers that can be measured, "" where it has."""
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return "ran inside a transformation of functions (torch.func)"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "returns a tensor that is not dense"
    if tensor.dtype not in MEASURED:
        return f"returns {tensor.dtype}; supported: {listed([str(dtype) for dtype in MEASURED])}"
    return ""


def sample_of(values: Tensor) -> Tensor:
    """Take some of the numbers of a tensor."""
    flat = values.flatten()
    return flat[:: max(len(flat) // SAMPLE, 1)].float().clone()


def probe_batch(inputs: Tensor, count: int) -> Tensor:
    """Make a batch of `count`: the last of some inputs, now in the first place, and the first, repeated."""
    return torch.cat([inputs[-1:], inputs[:1].expand(count - 1, *inputs.shape[1:])])


def is_close(first: Tensor, second: Tensor, tolerance: float = OTHER_BATCH) -> bool:
    """Whether samples differ by at most so much of the largest value; NaN and infinities are as they are."""
    finite = first.isfinite() & second.isfinite()
    if not torch.equal(first.isfinite(), second.isfinite()) and finite.any():
        return False
    differences, values = (first - second)[finite].abs(), second[finite].abs()
    return not len(values) or bool(differences.max() <= tolerance * values.max())
