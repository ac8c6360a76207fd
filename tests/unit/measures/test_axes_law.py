"""What is found about axes holds for the values: they are followed through any operations that move them."""

from collections.abc import Callable

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivariance.measures.axes import size
from equivariance.measures.axis_tracker import AxisTracker
from equivariance.measures.layout import by_axes


def _permuted(x: Tensor, draw: Callable[..., int]) -> Tensor:
    order: list[int] = []
    for _ in range(x.dim()):
        rest = [dim for dim in range(x.dim()) if dim not in order]
        order.append(rest[draw(len(rest))])
    return x.permute(order)


def _merged(x: Tensor, draw: Callable[..., int]) -> Tensor:
    first = draw(x.dim() - 1) if x.dim() > 1 else 0
    return x.flatten(first, min(first + 1, x.dim() - 1))


def _split(x: Tensor, draw: Callable[..., int]) -> Tensor:
    dim = draw(x.dim())
    divisors = [d for d in range(1, x.shape[dim] + 1) if x.shape[dim] % d == 0]
    return x.unflatten(dim, (divisors[draw(len(divisors))], -1))


def _reshaped(x: Tensor, draw: Callable[..., int]) -> Tensor:
    shape, rest = [], x.numel()
    while rest > 1 and len(shape) < 5:
        divisors = [d for d in range(2, rest + 1) if rest % d == 0]
        shape.append(divisors[draw(len(divisors))])
        rest //= shape[-1]
    return x.reshape(*shape, rest)


OPERATIONS: list[Callable[[Tensor, Callable[..., int]], Tensor]] = [
    _permuted,
    _merged,
    _split,
    _reshaped,
    lambda x, draw: x.unsqueeze(draw(x.dim() + 1)),
    lambda x, draw: x.unsqueeze(-1).expand(*x.shape, 1 + draw(3)),
    lambda x, draw: x.squeeze(),
    lambda x, draw: x.roll(1 + draw(3), draw(x.dim())),
    lambda x, draw: x.flip(draw(x.dim())),
    lambda x, draw: torch.cat([torch.full_like(x[:1], -1), x]),
    lambda x, draw: torch.cat([torch.full_like(x[:1], -1), x])[1:],
    lambda x, draw: x[:, ::2] if x.dim() > 1 else x,
    lambda x, draw: x.rot90(draw(4), (0, x.dim() - 1)) if x.dim() > 1 else x,
]


@given(
    shape=st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6)),
    operations=st.lists(st.sampled_from(OPERATIONS), max_size=6),
    data=st.data(),
)
@settings(max_examples=300, deadline=None)
def test_maps_that_are_found_have_the_pixels_in_their_places(shape, operations, data):
    """Where a layout has maps, the pixel (h, w) of those of image n is from the row h and column w of n."""
    places = torch.arange(torch.Size(shape).numel(), dtype=torch.float64).view(shape)
    tracker = AxisTracker()
    with tracker:
        tracker.begin(places)
        made = places
        for operation in operations:
            if made.dim() and made.numel() < 10**4:
                made = operation(made, lambda most: data.draw(st.integers(0, most - 1)))
        dims = tracker.dims(made)
    layout = None if dims is None else by_axes(dims, tracker.images)
    if layout is None:
        return
    assert tuple(map(size, dims)) == layout.expected(len(places)) == tuple(made.shape)
    maps = layout.maps(layout.arrange(made)[:, None])
    arranged = layout.arrange(made)
    assert arranged.shape == (len(places), *layout.shape)
    assert arranged.sort().values.flatten().sort().values.equal(made.flatten().sort().values)
    if maps is None:
        return
    at = maps[:, 0].long()  # (N, C', H', W')
    _, channels, height, width = shape
    n, _, h, w = torch.meshgrid(*map(torch.arange, at.shape), indexing="ij")
    image, row, column = at // (channels * height * width), at // width % height, at % width
    steps = [-(-side // places) for side, places in zip((height, width), at.shape[2:], strict=True)]
    is_place = (image == n) & (row // steps[0] == h) & (column // steps[1] == w)
    assert (is_place | (at == -1).all(-1, keepdim=True).all(-2, keepdim=True)).all()  # or a map of others
