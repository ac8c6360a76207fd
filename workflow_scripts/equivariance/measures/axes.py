"""What the axes of activations mean: which one is the images', which are rows, columns and channels.

(N, C, H, W) and (N, H, W, C) look alike. So the meaning of the input's axes is followed through the
operations of the network, once (`axis_tracker`): a permutation permutes it, a reshape regroups it, a
convolution makes a new channel axis (`axis_rules`). An axis of a tensor is a sequence of parts of `Axis`es,
from major to minor: `flatten(2)` of (N, C, H, W) gives the parts (N), (C), (H, W), and a window of a
transformer has parts of H and W.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["image", "row", "column", "tokens", "channel"]
SPATIAL = ("row", "column", "tokens")
CHANNELS_FIRST: tuple[Role, ...] = ("image", "channel", "row", "column")


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis, itself and no other of its length.

    `aligned` says whether a place along it is that place of the image: not after a shift, a flip or a crop of
    one side. One that was shifted by `shift`, turned round by a `flip`, or grew by `margin` before and after,
    knows its `base`, which it is again when that is undone. Tokens are a `grid` of image parts, with `margin`
    others around it, such as a class token. One of `combined` places was made by learned weights.
    """

    role: Role
    length: int
    aligned: bool = True
    base: "Axis | None" = None
    shift: int = 0
    flip: bool = False
    margin: tuple[int, int] = (0, 0)
    grid: "Dim" = ()
    combined: bool = False


@dataclass(frozen=True)
class Part:
    """Some digits of an axis: its indices are a sum of multiples of `stride`, below `size` each."""

    axis: Axis
    size: int
    stride: int


Dim = tuple[Part, ...]
Dims = tuple[Dim, ...]


def whole(axis: Axis) -> Dim:
    """All of an axis; of length 1 it says nothing."""
    return (Part(axis, axis.length, 1),) if axis.length > 1 else ()


def fresh(role: Role, length: int, aligned: bool = True) -> Dim:
    """A new axis."""
    return whole(Axis(role, length, aligned))


def size(dim: Dim) -> int:
    """The length of an axis of a tensor."""
    return math.prod(part.size for part in dim)


def axis_of(dim: Dim) -> Axis | None:
    """The axis that a dimension is all of, in order, or None."""
    return dim[0].axis if len(dim) == 1 and dim[0].size == dim[0].axis.length else None


def side_of(dim: Dim) -> Axis | None:
    """The axis along which a dimension is moved, cut or resized: also that of the rows or the columns at a
    lower resolution, after neighbouring pixels were merged into one."""
    axis = axis_of(dim)
    if axis is None and len(dim) == 1 and dim[0].size * dim[0].stride == dim[0].axis.length:
        merged = dim[0].axis
        return Axis(merged.role, dim[0].size, merged.aligned) if merged.role in ("row", "column") else None
    return axis


def is_spatial_dim(dim: Dim) -> bool:
    """Whether places of the image lie along a dimension."""
    return any(part.axis.role in SPATIAL for part in dim)


def is_aligned(dim: Dim) -> bool:
    """Whether the places along a dimension are those of the image."""
    return all(part.axis.aligned for part in dim)


def mixed_up(dim: Dim, length: int) -> Dim:
    """What a dimension becomes whose places are no more those of the image, nor in their order.

    Rows stay rows, so that they are not taken for channels; rows together with columns are tokens, and all
    that has channels in it is channels.
    """
    roles = {part.axis.role for part in dim}
    if not roles or not roles <= {*SPATIAL}:
        return fresh("channel", length)
    return fresh(roles.pop() if len(roles) == 1 else "tokens", length, aligned=False)


def _joined(parts: Iterable[Part]) -> Dim:
    """Put parts together that follow each other in their axis."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.axis is part.axis and last.stride == part.stride * part.size:
            joined[-1] = Part(part.axis, last.size * part.size, part.stride)
        else:
            joined.append(part)
    return tuple(joined)


def regrouped(dims: Dims, shape: Sequence[int]) -> Dims | None:
    """The axes after a reshape, or None where it cuts a part at no whole number."""
    parts = [part for dim in dims for part in dim][::-1]  # the next one last
    made: list[Dim] = []
    for length in shape:
        taken: list[Part] = []
        while length > 1:
            if not parts:
                return None
            part = parts.pop()
            common = math.gcd(part.size, length) if part.size > length else part.size
            if length % common or part.size % common or (part.size > length and common != length):
                return None
            rest = part.size // common
            taken.append(Part(part.axis, common, part.stride * rest))
            if rest > 1:
                parts.append(Part(part.axis, rest, part.stride))
            length //= common
        made.append(_joined(taken))
    return None if parts else tuple(made)


def rolled(axis: Axis, by: int) -> Axis:
    """The axis with its places shifted."""
    base = axis.base if axis.shift and axis.base else axis
    shift = (axis.shift + by) % axis.length
    return Axis(axis.role, axis.length, False, base, shift=shift) if shift else base


def flipped(axis: Axis) -> Axis:
    """The axis turned round."""
    return axis.base if axis.flip and axis.base else Axis(axis.role, axis.length, False, axis, flip=True)


def padded(axis: Axis, before: int, after: int) -> Axis:
    """The axis with so many places more at its ends, or fewer."""
    base, (first, last) = (axis.base, axis.margin) if axis.base and any(axis.margin) else (axis, (0, 0))
    margin = (first + before, last + after)
    if margin == (0, 0):
        return base
    aligned = base.aligned and abs(margin[0] - margin[1]) <= 1  # the centre stays, to half a pixel
    return Axis(axis.role, axis.length + before + after, aligned, base, margin=margin)


def resized(dim: Dim, length: int, role: Role = "channel") -> Dim:
    """A spatial dimension at another resolution. Of one place, it takes the role."""
    if size(dim) == length:
        return dim
    if not dim:
        return fresh(role, length)
    axis = side_of(dim)
    if axis is None or axis.role == "tokens":
        return mixed_up(dim, length)
    return fresh(axis.role, length, axis.aligned)


def agreed(dims: Sequence[Dim], length: int) -> Dim:
    """The meaning of a dimension on which several tensors are combined elementwise."""
    of_length = [dim for dim in dims if size(dim) == length and dim]
    telling = [dim for dim in of_length if any(part.axis.role != "channel" for part in dim)]
    # A skip connection knows what is added to it, also where that was combined from all places.
    telling = [dim for dim in telling if all(part.axis.role != "channel" for part in dim)] or telling
    telling = [dim for dim in telling if not any(part.axis.combined for part in dim)] or telling
    roles = {tuple(part.axis.role for part in dim) for dim in telling}
    if len(roles) > 1:
        return mixed_up(tuple(part for dim in telling for part in dim), length)
    unaligned = [dim for dim in telling if not is_aligned(dim)]
    return (unaligned or telling or of_length or [fresh("channel", length)])[0]
