"""Follow the meaning of axes through the operations of a network, while it runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from equivariance.measures.axes import CHANNELS_FIRST, SPATIAL, Axis, Dims, fresh, size, whole
from equivariance.measures.axis_rules import ANCHORS, Call, elementwise, rule_of


class AxisTracker(TorchDispatchMode):
    """Within it, the axes of all tensors made from a tensor given to `begin` are followed."""

    def __init__(self) -> None:
        super().__init__()
        self._dims: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.images = Axis("image", 0)
        self._paused = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Follow nothing in the body, which is faster."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def begin(self, images: Tensor) -> None:
        """Say that a tensor is images (N, C, H, W).

        Of a single image nothing is followed: an axis of length 1 cannot be told from others.
        """
        self.images = Axis("image", len(images))
        self._set(images, self._assumed(images.shape))

    def assume(self, images: Any) -> None:
        """Take what was made of the images for images (N, C, H, W), where nothing is known of it."""
        if isinstance(images, Tensor) and self.dims(images) is None:
            self._set(images, self._assumed(images.shape))

    def _assumed(self, shape: Sequence[int]) -> Dims | None:
        """What an operation of images (N, C, H, W) says about a tensor of which nothing is known."""
        if len(shape) != len(CHANNELS_FIRST) or shape[0] != self.images.length or shape[0] < 2:
            return None
        return (whole(self.images), *map(fresh, CHANNELS_FIRST[1:], shape[1:]))

    def _anchored(self, dims: Dims | None, shape: Sequence[int]) -> Dims | None:
        """The axes of what an operation of images takes: what were channels are rows and columns now, as
        where a network draws an image from a vector."""
        if dims is None:
            return self._assumed(shape)
        if len(dims) != len(CHANNELS_FIRST) or min(shape[2:]) < 2:
            return dims
        made = [
            dim if {part.axis.role for part in dim} <= {*SPATIAL} else fresh(role, length)
            for dim, role, length in zip(dims[2:], CHANNELS_FIRST[2:], shape[2:], strict=True)
        ]
        return (*dims[:2], *made)

    def dims(self, tensor: Tensor) -> Dims | None:
        """The axes of a tensor, where they are known."""
        found: Dims | None = self._dims.get(tensor)
        return found

    def _set(self, tensor: Any, dims: Dims | None) -> None:
        if not isinstance(tensor, Tensor):
            return
        if dims is not None and tuple(map(size, dims)) == tuple(tensor.shape):
            self._dims[tensor] = dims
        elif tensor in self._dims:
            del self._dims[tensor]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation, and note what the axes of its result are."""
        given = kwargs or {}
        if self._paused:
            return func(*args, **given)
        flat = [x for arg in (*args, *given.values()) for x in (arg if isinstance(arg, list) else [arg])]
        before = [self.dims(x) if isinstance(x, Tensor) else None for x in flat]
        name = func._schema.name.partition("::")[2].removeprefix("_").rstrip("_")
        if name in ANCHORS:
            before[0] = self._anchored(before[0], args[0].shape)
        result = func(*args, **given)
        first = result[0] if isinstance(result, tuple | list) and result else result
        if not isinstance(first, Tensor):
            return result
        try:
            rule = elementwise if torch.Tag.pointwise in func.tags else rule_of(name)
            known = [x for x in before if x is not None]
            made = rule(Call(args, given, before, known, first)) if rule and known else None
        except (LookupError, TypeError, ValueError, AttributeError):
            made = None  # an operation called in a way that its rule does not know
        for index, one in enumerate(result if isinstance(result, tuple | list) else [result]):
            dims = made[index] if isinstance(made, list) and index < len(made) else made
            self._set(one, None if isinstance(dims, list) else dims)
        return result
