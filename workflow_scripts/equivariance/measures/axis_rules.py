"""What operations of a network do to the axes of their input.

What no rule is about gives a tensor without known axes; operations that define the meaning of their axes,
such as convolutions (`ANCHORS`), make them known again.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from equivariance.measures.axes import (
    CHANNELS_FIRST,
    Axis,
    Dim,
    Dims,
    Role,
    agreed,
    axis_of,
    flipped,
    fresh,
    is_aligned,
    is_spatial_dim,
    mixed_up,
    padded,
    regrouped,
    resized,
    rolled,
    side_of,
    size,
    whole,
)


@dataclass(frozen=True)
class Call:
    """A call of an operation: its arguments, the axes of its tensors in their order, its first result."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dims: list[Dims | None]
    known: list[Dims]
    result: Tensor

    def argument(self, index: int, name: str, default: Any = None) -> Any:
        """An argument, by place or by name."""
        return self.args[index] if index < len(self.args) else self.kwargs.get(name, default)

    @property
    def input(self) -> Dims:
        """The axes of the first argument."""
        if self.dims[0] is None:
            raise LookupError
        return self.dims[0]

    @property
    def has_unknown_activation(self) -> bool:
        """Whether an argument as large as the result, as weights seldom are, has axes of unknown meaning."""
        return any(
            isinstance(argument, Tensor) and argument.numel() == self.result.numel() and dims is None
            for argument, dims in zip(self.args, self.dims, strict=False)
        )

    def dim(self, index: int, name: str, default: int = 0) -> int:
        """An argument that names a dimension of the input."""
        return int(self.argument(index, name, default)) % len(self.input)


Found = Dims | list[Dims] | None


def elementwise(call: Call) -> Found:
    """The axes that tensors have in common, as they are combined element by element."""
    shape = call.result.shape
    made = []
    for place in range(1, len(shape) + 1):
        dims = [dims[-place] for dims in call.known if place <= len(dims)]
        if call.has_unknown_activation and not any(size(dim) == shape[-place] for dim in dims):
            return None  # what is known is broadcast to what is not, as a gate to its maps
        made.append(agreed(dims, shape[-place]))
    return tuple(made[::-1])


def _same(call: Call) -> Found:
    return call.input


def _restrided(call: Call) -> Found:
    """Only where it gives a tensor of one pixel other strides, as pooling does."""
    return call.input if call.result is call.args[0] else None


def _view(call: Call) -> Found:
    return regrouped(call.input, call.result.shape)


def _permute(call: Call) -> Found:
    return tuple(call.input[dim] for dim in call.args[1])


def _transpose(call: Call) -> Found:
    dims = list(call.input)
    first, second = (call.dim(1, "dim0"), call.dim(2, "dim1")) if len(call.args) > 1 else (0, len(dims) - 1)
    dims[first], dims[second] = dims[second], dims[first]
    return tuple(dims)


def _expand(call: Call) -> Found:
    shape = call.result.shape
    dims = ((),) * (len(shape) - len(call.input)) + call.input
    return tuple(
        dim if size(dim) == length else fresh("channel", length)
        for dim, length in zip(dims, shape, strict=True)
    )


def _unsqueeze(call: Call) -> Found:
    place = int(call.args[1]) % (len(call.input) + 1)
    return (*call.input[:place], (), *call.input[place:])


def _reduced(call: Call) -> Found:
    """A reduction over some dimensions, or all; and the dropping of dimensions of length 1."""
    if call.result.dim() == len(call.input):  # kept, with length 1
        shape = call.result.shape
        return tuple(dim if size(dim) == n else () for dim, n in zip(call.input, shape, strict=True))
    gone = next((x for x in call.args[1:] if isinstance(x, int | list) and not isinstance(x, bool)), None)
    if gone is None:
        gone = call.kwargs.get("dim", [place for place, dim in enumerate(call.input) if size(dim) == 1])
    places = {int(dim) % len(call.input) for dim in (gone if isinstance(gone, list | tuple) else [gone])}
    return tuple(dim for place, dim in enumerate(call.input) if place not in places)


def _norm_reduced(call: Call) -> Found:
    """linalg.vector_norm(x, ord, dim, keepdim)."""
    return _reduced(Call((call.args[0], *call.args[2:]), call.kwargs, call.dims, call.known, call.result))


def _slice(call: Call) -> Found:
    place = call.dim(1, "dim")
    dim, length = call.input[place], call.result.shape[place]
    if size(dim) == length:
        return call.input
    start = int(call.argument(2, "start", 0) or 0)
    start = start + size(dim) if start < 0 else start
    step = int(call.argument(4, "step", 1))
    return (*call.input[:place], _cut(dim, start, length, step), *call.input[place + 1 :])


def _cut(dim: Dim, start: int, length: int, step: int) -> Dim:
    axis = side_of(dim)
    if axis is None or axis.role in ("channel", "image"):
        return mixed_up(dim, length)
    if axis.role == "tokens":
        margin = (axis.margin[0] - start, start + length - axis.margin[0] - size(axis.grid))
        if step > 1 or not axis.grid or min(margin) < 0:
            return mixed_up(dim, length)
        return axis.grid if margin == (0, 0) else _tokens(length, margin, axis.grid)
    if step > 1:
        return fresh(axis.role, length, axis.aligned)
    return whole(padded(axis, -start, start + length - axis.length))


def _tokens(length: int, margin: tuple[int, int], grid: Dim) -> Dim:
    """Places of a grid, and others before and after."""
    return whole(Axis("tokens", length, is_aligned(grid), margin=margin, grid=grid))


def _beside(dim: Dim, before: int, length: int) -> Dim:
    """Places of the image, after so many others, and followed by others up to a length."""
    axis, grid = axis_of(dim), dim
    if axis is not None and axis.role == "tokens":
        before, grid = before + axis.margin[0], axis.grid
    margin = (before, length - before - size(grid))
    is_kept = is_spatial_dim(grid) and min(margin) >= 0
    return _tokens(length, margin, grid) if is_kept else mixed_up(dim, length)


def _select(call: Call) -> Found:
    place = call.dim(1, "dim")
    return call.input[:place] + call.input[place + 1 :]


def _split(call: Call) -> Found:
    place = call.dim(2, "dim")
    parts = call.args[0].split(call.args[1], place)
    made: list[Dims] = []
    start = 0
    for part in parts:
        dim = _cut(call.input[place], start, part.shape[place], 1)
        made.append((*call.input[:place], dim, *call.input[place + 1 :]))
        start += part.shape[place]
    return made


def _unbind(call: Call) -> Found:
    place = call.dim(1, "dim")
    return [call.input[:place] + call.input[place + 1 :]] * size(call.input[place])


def _cat(call: Call) -> Found:
    tensors = call.args[0]
    place = int(call.argument(1, "dim", 0)) % call.result.dim()
    length = call.result.shape[place]
    others = [dims for dims in call.known if len(dims) == call.result.dim()]
    made = [
        agreed([dims[index] for dims in others], n) if index != place else ()
        for index, n in enumerate(call.result.shape)
    ]
    parts = tuple(part for dims in others for part in dims[place])
    made[place] = mixed_up(parts, length)
    spatial = [
        index
        for index, dims in enumerate(call.dims[: len(tensors)])
        if dims is not None and is_spatial_dim(dims[place])
    ]
    if len(spatial) == 1:  # tokens beside those of the image
        dims = call.dims[spatial[0]]
        assert dims is not None
        made[place] = _beside(dims[place], sum(x.shape[place] for x in tensors[: spatial[0]]), length)
    elif len(tensors) == 1:
        made[place] = others[0][place]
    return tuple(made)


def _stack(call: Call) -> Found:
    place = int(call.argument(1, "dim", 0)) % call.result.dim()
    dims = call.known[0]
    return (*dims[:place], fresh("channel", call.result.shape[place]), *dims[place:])


def _roll(call: Call) -> Found:
    dims = list(call.input)
    for by, place in zip(call.args[1], call.argument(2, "dims", []), strict=True):
        dim, axis = dims[place], side_of(dims[place])
        dims[place] = mixed_up(dim, size(dim)) if axis is None else whole(rolled(axis, by))
    return tuple(dims)


def _flip(call: Call) -> Found:
    dims = list(call.input)
    for place in call.args[1]:
        dim, axis = dims[place], side_of(dims[place])
        dims[place] = mixed_up(dim, size(dim)) if axis is None else whole(flipped(axis))
    return tuple(dims)


def _rot90(call: Call) -> Found:
    dims, turns = list(call.input), int(call.argument(1, "k", 1)) % 4
    first, second = call.argument(2, "dims", [0, 1])
    if turns % 2:
        dims[first], dims[second] = dims[second], dims[first]
    turned = {0: (), 1: (first,), 2: (first, second), 3: (second,)}[turns]
    return _flip(replace(call, args=(call.args[0], turned), dims=[tuple(dims)]))


def _pad(call: Call) -> Found:
    dims = list(call.input)
    widths = call.args[1]
    for index in range(0, len(widths), 2):
        place = len(dims) - 1 - index // 2
        before, after = widths[index : index + 2]
        axis, length = side_of(dims[place]), call.result.shape[place]
        if not before and not after:
            continue
        if axis is not None and axis.role in ("row", "column"):
            dims[place] = whole(padded(axis, before, after))
        else:
            dims[place] = _beside(dims[place], before, length)
    return tuple(dims)


def _convolution(call: Call) -> Found:
    """The images', new channels, and the spatial dimensions at a new resolution."""
    shape = call.result.shape
    return (call.input[0], fresh("channel", shape[1]), *_all_resized(call.input[2:], shape[2:]))


def _all_resized(dims: Dims, shape: Sequence[int]) -> Dims:
    """The last dimensions at another resolution."""
    roles: list[Role] = ["row", "column"] if len(dims) == 2 else ["channel"] * len(dims)
    return tuple(resized(dim, n, role) for dim, n, role in zip(dims, shape, roles, strict=True))


def _pool(count: int) -> Callable[[Call], Found]:
    """Another resolution of the last `count` dimensions."""

    def rule(call: Call) -> Found:
        kept = call.input[: len(call.input) - count]
        return (*kept, *_all_resized(call.input[-count:], call.result.shape[-count:]))

    return rule


def _shuffle(call: Call) -> Found:
    """Channels become pixels, or the other way round."""
    shape = call.result.shape
    return (*call.input[:-3], fresh("channel", shape[-3]), *_all_resized(call.input[-2:], shape[-2:]))


def _im2col(call: Call) -> Found:
    """Patches, which may overlap: their pixels are channels, and they are a grid."""
    kernel, dilation, padding, stride = call.args[1:5]
    sides = [
        (n + 2 * pad - spread * (width - 1) - 1) // step + 1
        for n, width, spread, pad, step in zip(
            map(size, call.input[-2:]), kernel, dilation, padding, stride, strict=True
        )
    ]
    rows, columns = _all_resized(call.input[-2:], sides)
    return (*call.input[:-3], fresh("channel", call.result.shape[-2]), rows + columns)


def _col2im(call: Call) -> Found:
    rows, columns = map(fresh, CHANNELS_FIRST[2:], call.result.shape[-2:])
    return (*call.input[:-2], fresh("channel", call.result.shape[-3]), rows, columns)


def _product(first: int) -> Callable[[Call], Found]:
    """A matrix product of the arguments `first` and the next: rows of the one, columns of the other."""

    def rule(call: Call) -> Found:
        shape, left, right = call.result.shape, call.dims[first], call.dims[first + 1]
        known = [dims for dims in (left, right) if dims is not None and len(dims) == len(shape)]
        batch = [agreed([dims[place] for dims in known], n) for place, n in enumerate(shape[:-2])]
        rows = fresh("channel", shape[-2]) if left is None else left[-2]
        columns = fresh("channel", shape[-1]) if right is None else right[-1]
        if left is not None and right is None:
            columns = _combined(left, shape[-1])
        return (*batch, rows, columns)

    return rule


def _copied(call: Call) -> Found:
    """What is written over a tensor has the axes of where it comes from."""
    return elementwise(replace(call, known=[call.dims[1]])) if call.dims[1] else None


def _reordered(call: Call) -> Found:
    """Others of the places along a dimension, or in another order."""
    return _mixed_up_at(call, call.dim(1, "dim", -1))


def _sorted(call: Call) -> Found:
    given = [x for x in call.args[1:] if isinstance(x, int) and not isinstance(x, bool)]
    return _mixed_up_at(call, given[0] if given else int(call.kwargs.get("dim", -1)))


def _topk(call: Call) -> Found:
    return _mixed_up_at(call, call.dim(2, "dim", -1))


def _indexed(call: Call) -> Found:
    """An index along one dimension."""
    used = [place for place, index in enumerate(call.args[1]) if index is not None]
    return _mixed_up_at(call, used[0]) if len(used) == 1 else None


def _mixed_up_at(call: Call, place: int) -> Found:
    dims = list(call.input)
    dims[place] = mixed_up(dims[place], call.result.shape[place])
    return tuple(dims)


def _repeat(call: Call) -> Found:
    shape = call.result.shape
    dims = ((),) * (len(shape) - len(call.input)) + call.input
    return tuple(
        dim if size(dim) == length else mixed_up(dim, length) for dim, length in zip(dims, shape, strict=True)
    )


def _windows(call: Call) -> Found:
    """Windows that do not overlap, along a dimension, whose own places come last."""
    place, length, step = call.dim(1, "dimension"), int(call.args[2]), int(call.args[3])
    cut = regrouped((call.input[place],), (call.result.shape[place], length)) if length == step else None
    return None if cut is None else (*call.input[:place], cut[0], *call.input[place + 1 :], cut[1])


def _embedding(call: Call) -> Found:
    dims = call.dims[1]
    return None if dims is None else (*dims, fresh("channel", call.result.shape[-1]))


def _halved(call: Call) -> Found:
    place = call.dim(1, "dim", -1)
    cut = _cut(call.input[place], 0, call.result.shape[place], 1)
    return (*call.input[:place], cut, *call.input[place + 1 :])


def _linear(call: Call) -> Found:
    return (*call.input[:-1], _combined(call.input, call.result.shape[-1]))


def _combined(dims: Dims, length: int) -> Dim:
    """What the last dimension becomes whose entries are combined with learned weights: new features.

    Where there are features beside it, as where a mixer combines tokens, these stay the features.
    """
    beside = any(part.axis.role != "image" for dim in dims[:-1] for part in dim)
    made = mixed_up(dims[-1], length) if beside else fresh("channel", length)
    return tuple(replace(part, axis=replace(part.axis, combined=True)) for part in made)


def _like_first(call: Call) -> Found:
    """Several results, the first with the axes of the first argument, but for new features."""
    dims = call.input
    last = dims[-1] if size(dims[-1]) == call.result.shape[-1] else fresh("channel", call.result.shape[-1])
    return [(*dims[:-1], last)]


_NAMES: dict[Callable[[Call], Found], str] = {
    _same: "alias detach clone contiguous to_copy lift_fresh to softmax safe_softmax log_softmax cumsum "
    "cumprod instance_norm dropout fused_dropout renorm quantize_per_tensor dequantize channel_shuffle "
    "hardswish prelu_kernel rrelu_with_noise rrelu_with_noise_functional log_sigmoid_forward tril triu "
    "fill zero index_put scatter scatter_add index_fill masked_scatter "
    "fake_quantize_per_tensor_affine_cachemask "
    "transformer_encoder_layer_fwd",
    _copied: "copy",
    _restrided: "as_strided",
    _view: "view unsafe_view reshape reshape_alias flatten unflatten",
    _permute: "permute",
    _transpose: "transpose t swapaxes",
    _expand: "expand",
    _unsqueeze: "unsqueeze",
    _reduced: "mean sum amax amin max min var std var_mean std_mean logsumexp prod squeeze any all argmax "
    "argmin median nanmedian",
    _norm_reduced: "linalg_vector_norm norm",
    _slice: "slice",
    _select: "select",
    _split: "split split_with_sizes unsafe_split",
    _unbind: "unbind",
    _cat: "cat",
    _stack: "stack",
    _roll: "roll",
    _flip: "flip",
    _rot90: "rot90",
    _reordered: "index_select",
    _sorted: "sort",
    _topk: "topk",
    _indexed: "index",
    _repeat: "repeat",
    _windows: "unfold",
    _embedding: "embedding",
    _halved: "glu",
    _pad: "constant_pad_nd reflection_pad1d replication_pad1d reflection_pad2d replication_pad2d pad",
    _convolution: "convolution mkldnn_convolution cudnn_convolution conv2d",
    _pool(1): "upsample_nearest1d upsample_linear1d upsample_nearest_exact1d",
    _pool(2): "max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d max_pool2d "
    "mkldnn_max_pool2d fractional_max_pool2d max_unpool2d grid_sampler_2d upsample_nearest_exact2d "
    "upsample_nearest2d upsample_bilinear2d upsample_bicubic2d "
    "upsample_bilinear2d_aa upsample_bicubic2d_aa",
    _pool(3): "avg_pool3d max_pool3d_with_indices adaptive_avg_pool3d",
    _shuffle: "pixel_shuffle pixel_unshuffle",
    _im2col: "im2col",
    _col2im: "col2im",
    _product(0): "mm bmm matmul",
    _product(1): "addmm baddbmm",
    _linear: "linear linear_dynamic linear_dynamic_fp16",
    _like_first: "native_layer_norm native_group_norm native_batch_norm native_batch_norm_legit "
    "native_batch_norm_legit_no_training batch_norm_with_update cudnn_batch_norm native_dropout rms_norm "
    "fused_rms_norm mkldnn_rnn_layer cudnn_rnn native_multi_head_attention "
    "scaled_dot_product_flash_attention_for_cpu "
    "scaled_dot_product_flash_attention scaled_dot_product_efficient_attention "
    "scaled_dot_product_attention_math scaled_dot_product_cudnn_attention "
    "scaled_dot_product_fused_attention_overrideable",
}
RULES = {name: rule for rule, names in _NAMES.items() for name in names.split()}
"""Rules by the name of an operation of ATen, without underscores before and behind."""


@functools.cache
def rule_of(name: str) -> Callable[[Call], Found] | None:
    """Find the rule of an operation. A form that works in place may not say that it is elementwise, as the
    other form does."""
    if name in RULES:
        return RULES[name]
    forms = [getattr(torch.ops.aten, form, None) for form in (name, f"_{name}")]
    overloads = [getattr(form, overload) for form in forms if form for overload in form.overloads()]
    return elementwise if any(torch.Tag.pointwise in one.tags for one in overloads) else None


ANCHORS = {
    "convolution",
    "mkldnn_convolution",
    "cudnn_convolution",
    "native_batch_norm",
    "native_batch_norm_legit_no_training",
    "cudnn_batch_norm",
    "native_group_norm",
    "max_pool2d_with_indices",
    "avg_pool2d",
    "adaptive_avg_pool2d",
    "upsample_nearest2d",
    "upsample_bilinear2d",
    "pixel_shuffle",
}
"""Operations of images (N, C, H, W), which say what the axes of their input are where nothing else does."""
