"""How a layer's activations are laid out, and what they are brought to: feature maps, or units.

channels_first   (N, C, H, W)      feature maps (C, H, W)
channels_last    (N, H, W, C)      the same
tokens           (N, L, D)         D feature maps of L places, H x W where the tokens are a grid
class_tokens     (N, 1 + L, D)     the same, with a class token before those of the grid
windows          maps cut in parts feature maps, put together again
vector           anything else     units
unknown          (N, A, B, C)      read as channels first, but without same-equivariance
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from equivariance.errors import UserError, unknown
from equivariance.measures.axes import Axis, Dims, Part, axis_of, size
from equivariance.measures.names import LAYOUTS


@dataclass(frozen=True)
class Layout:
    """How to bring activations to (N, C, H, W), or (N, ...) where they are a vector.

    The layer's own shape is `native`, with the images in dimension `images_at`, where it holds what there is
    for each image. Activations are viewed as `parts` (-1 for the images) and permuted by `order`, images
    first, to (N, *shape). Where the image is only a part of the places (C, L, 1), or has rows and columns of
    its own, `grid` is (first place, H, W).
    """

    convention: str
    native: tuple[int, ...]
    images_at: int
    parts: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]
    has_maps: bool = False  # whose places are those of the image, as same-equivariance needs
    grid: tuple[int, int, int] | None = None

    def arrange(self, activation: Tensor) -> Tensor:
        """Bring activations to (N, *shape), without a copy where possible."""
        if self.order == tuple(range(len(self.order))):
            return activation.reshape(-1, *self.shape)
        return activation.reshape(self.parts).permute(self.order).reshape(-1, *self.shape)

    def expected(self, images: int) -> tuple[int, ...]:
        """The layer's own shape for a number of images."""
        return tuple(n * images if at == self.images_at else n for at, n in enumerate(self.native))

    def maps(self, block: Tensor) -> Tensor | None:
        """Return the feature maps (..., C, H, W) of arranged activations (..., *shape), None without any."""
        if not self.has_maps:
            return None
        if self.grid is None:
            return block
        first, height, width = self.grid
        return block[..., first : first + height * width, 0].unflatten(-1, (height, width))

    @property
    def map_size(self) -> tuple[int, int] | None:
        """Height and width of the feature maps, None without any."""
        if not self.has_maps:
            return None
        return self.shape[1:] if self.grid is None else self.grid[1:]  # type: ignore[return-value]


def by_axes(dims: Dims, images: Axis) -> Layout | None:
    """Lay out a tensor with known axes; None where it has not one row for each of the images."""
    parts = [(place, part) for place, dim in enumerate(dims) for part in dim]
    rows = [index for index, (_, part) in enumerate(parts) if part.axis is images]
    if len(rows) != 1 or parts[rows[0]][1].size != images.length:
        return None
    images_at = parts[rows[0]][0]
    native = tuple(
        size(dim) // images.length if place == images_at else size(dim) for place, dim in enumerate(dims)
    )
    viewed = tuple(-1 if index == rows[0] else part.size for index, (_, part) in enumerate(parts))
    others = [index for index in range(len(parts)) if index != rows[0]]
    # What lies in one dimension with channels are features: a flattened layer has no maps any more.
    mixed = {place for place, dim in enumerate(dims) if any(part.axis.role == "channel" for part in dim)}
    places = {
        role: [i for i in others if parts[i][1].axis.role == role and parts[i][0] not in mixed]
        for role in ("row", "column", "tokens")
    }

    def laid_out(convention: str, order: Sequence[int], shape: tuple[int, ...], **more: object) -> Layout:
        return Layout(convention, native, images_at, viewed, (*rows, *order), shape, **more)  # type: ignore[arg-type]

    spatial = [index for found in places.values() for index in found]
    if not spatial or (len(dims) < 3 and images_at not in {parts[index][0] for index in spatial}):
        if images_at == 0 and native[:1] == (1,) and native[2:] == (1, 1):
            return laid_out("channels_first", others, native[1:])
        return laid_out("vector", others, (math.prod(native),))
    channels = [index for index in others if index not in spatial]
    count = math.prod(parts[index][1].size for index in channels)
    convention = _convention(dims, images_at, [parts[index][0] for index in spatial])
    if places["tokens"]:
        axis = parts[places["tokens"][0]][1].axis
        if len(spatial) > 1 or axis_of(dims[parts[spatial[0]][0]]) is not axis:
            return _unknown(native, images_at)
        grid = _grid(axis)
        if axis.margin[0]:
            convention = "class_tokens"
        shape = (count, axis.length, 1)
        return laid_out(convention, [*channels, *spatial], shape, has_maps=grid is not None, grid=grid)
    sides, aligned = [], True
    order = list(channels)
    for role in ("row", "column"):
        digits = sorted(places[role], key=lambda index: -parts[index][1].stride)
        if not _are_places([parts[index][1] for index in digits]):
            return _unknown(native, images_at)
        order += digits
        sides.append(math.prod(parts[index][1].size for index in digits))
        aligned &= all(parts[index][1].axis.aligned for index in digits)
    return laid_out(convention, order, (count, *sides), has_maps=aligned and math.prod(sides) > 1)


def _are_places(digits: Sequence[Part]) -> bool:
    """Whether parts, by falling stride, are the places along one axis, or along one at a lower resolution,
    or there are none."""
    reached = digits[0].axis.length if digits else 0
    for part in digits:
        if part.axis is not digits[0].axis or part.size * part.stride != reached:
            return False
        reached = part.stride
    return True


def _grid(tokens: Axis) -> tuple[int, int, int] | None:
    """Where rows and columns of the image lie among tokens."""
    axes = [part.axis for part in tokens.grid if part.size == part.axis.length]
    if [axis.role for axis in axes] != ["row", "column"] or len(axes) != len(tokens.grid):
        return None
    return (tokens.margin[0], axes[0].length, axes[1].length) if all(axis.aligned for axis in axes) else None


def _convention(dims: Dims, images_at: int, spatial: Sequence[int]) -> str:
    """Name where the spatial parts are."""
    others = [place for place, dim in enumerate(dims) if place != images_at and dim]
    channels = [place for place in others if place not in spatial]
    if images_at in spatial or len({*spatial}) < len(spatial) - 1 or len({*spatial}) > 2:
        return "windows"
    if not channels or max(channels) < min(spatial):
        return "channels_first"
    if min(channels) > max(spatial):
        return "tokens" if len({*spatial}) == 1 else "channels_last"
    return "windows"


def _unknown(native: tuple[int, ...], images_at: int) -> Layout | None:
    """Read activations whose axes mean nothing known, with the images first."""
    if images_at != 0 or native[0] != 1:
        return None
    rest = native[1:]
    shape = rest if len(rest) == 3 else (math.prod(rest),)
    order = tuple(range(len(shape) + 1))
    return Layout("unknown" if len(rest) == 3 else "vector", native, 0, (-1, *shape), order, shape)


def by_shape(shape: Sequence[int], images: int) -> Layout | None:
    """Lay out a tensor of which nothing but its shape is known; None where its first dimension is not the
    images'."""
    return _unknown((1, *shape[1:]), 0) if shape and shape[0] == images else None


def by_convention(
    convention: str, shape: Sequence[int], images: int, image_size: tuple[int, int], layer: str
) -> Layout:
    """Lay out a tensor as the user says that it is.

    Tokens are a grid where their number is that of a grid with the sides of the image (H, W). Raises
    UserError for an unknown convention, and where it does not fit the shape.
    """
    if convention not in LAYOUTS:
        raise UserError(unknown("layout", convention, LAYOUTS))
    needed = {"channels_first": (3, 4), "channels_last": (4,), "tokens": (3,), "class_tokens": (3,)}
    dimensions = needed.get(convention, (len(shape),))
    if not shape or shape[0] != images or len(shape) not in dimensions:
        raise UserError(
            f"layer {layer!r} returns {tuple(shape)} for {images} images, which is not {convention}"
        )
    rest = tuple(shape[1:])
    native = (1, *rest)
    if convention == "vector":
        return Layout("vector", native, 0, (-1, *rest), tuple(range(len(shape))), (math.prod(rest),))
    order = tuple(range(len(shape)))  # channels first
    if convention != "channels_first":
        order = (0, len(rest), *range(1, len(rest)))
    maps = tuple(shape[at] for at in order[1:])
    if len(rest) == 3:
        return Layout(convention, native, 0, (-1, *rest), order, maps, has_maps=maps[1] * maps[2] > 1)
    first = int(convention == "class_tokens")
    sides = _sides(maps[1] - first, image_size)
    grid = None if sides is None else (first, *sides)
    return Layout(convention, native, 0, (-1, *rest), order, (*maps, 1), has_maps=grid is not None, grid=grid)


def _sides(places: int, image_size: tuple[int, int]) -> tuple[int, int] | None:
    """The height and width of so many places, in the proportion of the image; None where there are none."""
    height, width = image_size
    rows = round(math.sqrt(places * height / width)) if places > 1 else 0
    if rows and places % rows == 0 and abs(rows / (places // rows) - height / width) < 1e-9:
        return rows, places // rows
    return None
