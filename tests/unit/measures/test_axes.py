"""The meaning of axes is followed through the operations of a network."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equivariance.measures.axes import Dim, axis_of, fresh, regrouped
from equivariance.measures.axis_tracker import AxisTracker

N, C, H, W = 5, 6, 8, 12
LETTERS = {"image": "n", "channel": "c", "row": "h", "column": "w", "tokens": "t"}
torch.manual_seed(0)
LSTM, ATTENTION = nn.LSTM(C, 4, bidirectional=True), nn.MultiheadAttention(C, 2, batch_first=True)
LINEAR, TABLE, DRAWN = nn.Linear(C, 3), torch.rand(9, 3), nn.Linear(C, 4 * 3 * 3)


def letters(dim: Dim) -> str:
    """The roles in a dimension, capitals where its places are not those of the image, 1 for nothing."""
    names = [LETTERS[part.axis.role] for part in dim]
    return (
        "".join(name if part.axis.aligned else name.upper() for name, part in zip(names, dim, strict=True))
        or "1"
    )


@torch.no_grad()
def follow(function: Callable[[Tensor], Tensor], images: Tensor | None = None) -> str:
    """The meaning of what a function gives for images, which are "n c h w"; "" for unknown."""
    tracker = AxisTracker()
    x = torch.rand(N, C, H, W) if images is None else images
    with tracker:
        tracker.begin(x)
        dims = tracker.dims(function(x))
    return "" if dims is None else " ".join(map(letters, dims))


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).mT


def with_others(x: Tensor, before: int = 1, after: int = 0) -> Tensor:
    return torch.cat([torch.zeros(N, before, C), tokens(x), torch.zeros(N, after, C)], 1)


def windows(x: Tensor) -> Tensor:
    return x.view(N, C, 2, 4, 3, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, C)


def from_windows(x: Tensor) -> Tensor:
    return x.view(N, 2, 3, 4, 4, C).permute(0, 5, 1, 3, 2, 4).reshape(N, C, H, W)


RULES: dict[str, list[tuple[str, Callable[[Tensor], Tensor]]]] = {
    "order": [
        ("n h w c", lambda x: x.permute(0, 2, 3, 1)),
        ("n c w h", lambda x: x.mT),
        ("c n h w", lambda x: x.transpose(0, 1)),
        ("n w h c", lambda x: x.movedim(1, 3).swapdims(1, 2)),
        ("1 n c h w", lambda x: x[None]),
        ("n c h w", lambda x: x[:, :, None].squeeze(2).contiguous().clone().detach()),
    ],
    "reshaping": [
        ("n c hw", lambda x: x.flatten(2)),
        ("n chw", lambda x: x.flatten(1)),
        ("nc h w", lambda x: x.flatten(0, 1)),
        ("n c h w", lambda x: x.flatten(2).unflatten(2, (H, W))),
        ("n c h h w w", lambda x: x.view(N, C, 2, 4, 3, 4)),
        ("nhw hw c", windows),
        ("n c h w", lambda x: from_windows(windows(x))),
        ("n h w chw", lambda x: x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(3)),
        ("", lambda x: x.reshape(N, C, W, H)),  # cuts rows across columns
    ],
    "windows that overlap": [
        ("", lambda x: x.unfold(2, 4, 2)),
        ("n c hw", lambda x: F.unfold(x, 3, padding=1)),
        ("n c h w", lambda x: F.fold(F.unfold(x, 4, stride=4), (H, W), 4, stride=4)),
    ],
    "shifts": [
        ("n c H w", lambda x: x.roll(2, 2)),
        ("n c h w", lambda x: x.roll((2, -1), (2, 3)).relu().roll((-2, 1), (2, 3))),
        ("n c H w", lambda x: x.roll(2, 2).roll(2, 2)),
        ("n c h W", lambda x: x.flip(3)),
        ("n c h w", lambda x: x.flip(3).tanh().flip(3)),
        ("n c W h", lambda x: x.rot90(1, (2, 3))),
        ("n c h w", lambda x: x.rot90(1, (2, 3)).rot90(3, (2, 3))),
        ("n c h W", lambda x: x + x.flip(3)),
        ("n c h W", lambda x: torch.empty_like(x).copy_(x.flip(3))),
    ],
    "cuts": [
        ("n c h w", lambda x: x[:, :, ::2, 1:-1]),
        ("n c H w", lambda x: x[:, :, 3:]),
        ("n c h w", lambda x: F.pad(x, (1, 1, 2, 2), mode="reflect")),
        ("n c H w", lambda x: F.pad(x, (0, 0, 2, 0))),
        ("n c h w", lambda x: F.pad(x, (2, 3, 1, 0))[:, :, 1:, 2:-3]),
        ("n c w", lambda x: x[:, :, 3]),
        ("n c h w", lambda x: x.chunk(2, 1)[1]),
        ("n c h w", lambda x: x[:, [2, 0]]),
        ("n c H w", lambda x: x[:, :, [2, 0]]),
        ("n c h W", lambda x: torch.cat(x.chunk(2, 3)[::-1], 3)),
        ("n c h w", lambda x: F.glu(x, 1)),
        ("n c h w", lambda x: x.index_select(1, torch.tensor([3, 3]))),
        ("c c h w", lambda x: x[:3]),
    ],
    "tokens": [
        ("n hw c", tokens),
        ("n t c", with_others),
        ("n hw c", lambda x: with_others(x)[:, 1:]),
        ("n t c", lambda x: F.pad(tokens(x), (0, 0, 1, 0))),
        ("n hw c", lambda x: F.pad(F.pad(tokens(x), (0, 0, 1, 0)), (0, 0, 2, 1))[:, 3:-1]),
        ("n t c", lambda x: with_others(x, 5, 2)),
        ("n t c", lambda x: with_others(x, 5, 2)[:, 1:]),
        ("n hw c", lambda x: with_others(x, 5, 2)[:, 1:][:, 4:-2]),
        ("n c", lambda x: with_others(x)[:, 0]),
        ("n T c", lambda x: with_others(x)[:, :40]),
        ("n T c", lambda x: tokens(x)[:, :40]),
        ("n T c", lambda x: tokens(x).topk(7, 1)[0]),
        ("n T c", lambda x: tokens(x).sort(dim=1)[0]),
        ("n T c", lambda x: torch.cat([tokens(x), tokens(x)], 1)),
        ("n hw c", lambda x: tokens(x) + torch.rand(1, H * W, C)),
        ("hw n c", lambda x: tokens(x).transpose(0, 1)),
    ],
    "images": [
        ("n c h w", lambda x: F.conv2d(x, torch.rand(3, C, 3, 3), stride=2)),
        ("n c h w", lambda x: F.conv_transpose2d(x, torch.rand(C, 3, 2, 2), stride=2)),
        ("n c H w", lambda x: F.conv2d(x.roll(1, 2), torch.rand(3, C, 3, 3))),
        ("n c hw", lambda x: F.conv1d(x.flatten(2), torch.rand(3, C, 3), padding=1)),
        ("n c T", lambda x: F.avg_pool1d(x.flatten(2), 2)),
        ("n c h w", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)),
        ("n c h w", lambda x: F.adaptive_avg_pool2d(x, (3, 5))),
        ("n c 1 1", lambda x: F.adaptive_avg_pool2d(x, 1)),
        ("n c h w", lambda x: F.interpolate(F.adaptive_avg_pool2d(x, 1), size=(3, 3))),
        ("n c h w", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
        ("n c h w", lambda x: F.pixel_unshuffle(F.pixel_shuffle(x[:, :4], 2), 2)),
        ("n c h w", lambda x: F.channel_shuffle(x, 2)),
        ("n c h w", lambda x: F.grid_sample(x, torch.zeros(N, 4, 5, 2), align_corners=False)),
        ("n c h w", lambda x: F.group_norm(F.batch_norm(x, torch.ones(C), torch.ones(C)), 2)),
        ("n c h w", lambda x: F.conv2d(DRAWN(x.mean((2, 3))).view(N, 4, 3, 3), torch.ones(2, 4, 2, 2))),
    ],
    "elements": [
        ("n c h w", lambda x: x.mean(1, keepdim=True) * x.amax((2, 3), keepdim=True) + torch.rand(W)),
        ("n c h w", lambda x: torch.where(x > 0.5, x, 0.0).masked_fill(x > 0.9, 1).clamp(0.1)),
        ("n h w c", lambda x: torch.rand(C) * x.permute(0, 2, 3, 1)),
        ("n c h w", lambda x: F.prelu(F.logsigmoid(F.rrelu(F.hardswish(x))), torch.ones(C))),
        ("n c h w", lambda x: F.dropout(x.softmax(1), training=False).half().float()),
        ("n c h w", lambda x: x[:, :1].repeat(1, 3, 1, 1)),
        ("n c h w", lambda x: x[:, :1].expand(-1, 3, -1, -1)),
        ("n c c h w", lambda x: torch.stack([x, x], 1)),
        ("n c h w", lambda x: torch.cat([x, x], 1)),
    ],
    "reductions": [
        ("n h w", lambda x: x.mean(1)),
        ("n c", lambda x: x.sum((2, 3))),
        ("n 1 h w", lambda x: x.std(1, keepdim=True)),
        ("n h w", lambda x: torch.linalg.vector_norm(x, dim=1)),
        ("n h w", lambda x: x.max(1)[0]),
        ("n h w", lambda x: x.argmax(1)),
        ("n h w", lambda x: F.cosine_similarity(x, x, 1)),
        ("n h w", lambda x: torch.var_mean(x, 1)[0]),
        ("n c h w", lambda x: F.normalize(x, dim=1)),
    ],
    "products": [
        ("n hw c", lambda x: LINEAR(tokens(x))),
        ("n h w c", lambda x: F.layer_norm(torch.einsum("nchw,dc->nhwd", x, torch.rand(3, C)), (3,))),
        ("n hw hw", lambda x: tokens(x) @ x.flatten(2)),
        ("n hw c", lambda x: (tokens(x) @ x.flatten(2)).softmax(-1) @ tokens(x)),
        ("n hw c", lambda x: F.scaled_dot_product_attention(tokens(x), tokens(x), tokens(x))),
        ("n hw c", lambda x: ATTENTION(tokens(x), tokens(x), tokens(x), need_weights=False)[0]),
        ("hw n c", lambda x: LSTM(x.flatten(2).permute(2, 0, 1))[0]),
        ("n h w c", lambda x: F.embedding((x.mean(1) * 9).long(), TABLE)),
        ("n c T", lambda x: F.linear(x.flatten(2), torch.rand(7, H * W))),
        ("n c h W", lambda x: F.linear(x, torch.rand(7, W))),
        ("n c", lambda x: F.linear(x.flatten(1), torch.rand(7, C * H * W))),
        ("n c", lambda x: F.linear(x.mean(1).flatten(1), torch.rand(7, H * W))),
        ("nhw c", lambda x: LINEAR(tokens(x).flatten(0, 1))),
    ],
    "nothing is known of": [
        ("", lambda x: torch.fft.fft2(x)),
        ("", lambda x: x.cumsum(1).diagonal(dim1=2, dim2=3)),
        ("", lambda x: torch.from_numpy(x.numpy() + 1)),
        ("", lambda x: torch.rand(N, C, H, W)),
        ("n c h w", lambda x: F.conv2d(torch.fft.fft2(x).real, torch.rand(3, C, 3, 3))),
        ("", lambda x: F.layer_norm(torch.fft.fft2(x).real, (C, H, W))),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", RULES)
def test_rules(kind):
    assert [(follow(function), index) for index, (_, function) in enumerate(RULES[kind])] == [
        (expected, index) for index, (expected, _) in enumerate(RULES[kind])
    ]


def test_rows_and_columns_that_are_mixed_up_are_none_of_both():
    square = torch.rand(N, C, 8, 8)
    assert follow(lambda x: x + x.mT, square) == "n c T T"
    assert follow(lambda x: x * x.mean(2, keepdim=True), square) == "n c h w"


def test_an_axis_is_itself_and_no_other_of_its_length():
    assert axis_of(fresh("row", 4)) is not axis_of(fresh("row", 4))
    assert fresh("row", 1) == ()
    rows, columns = fresh("row", 4), fresh("column", 6)
    assert regrouped((rows, columns), (24,)) == (rows + columns,)
    assert regrouped((rows + columns,), (4, 6)) == (rows, columns)
    assert regrouped((rows, columns), (8, 3)) == (
        rows + regrouped((columns,), (2, 3))[0],
        regrouped((columns,), (2, 3))[1],
    )
    assert regrouped((rows, columns), (3, 8)) is None
    assert regrouped((rows, columns), (4, 3)) is None


def test_a_single_image_is_not_followed():
    assert follow(lambda x: x, torch.rand(1, C, H, W)) == ""


def test_what_preprocessing_made_is_followed_where_it_can_be_and_else_taken_for_images():
    tracker, x = AxisTracker(), torch.rand(N, C, H, W)
    with tracker:
        tracker.begin(x)
        for made, expected in (
            (x.permute(0, 2, 3, 1), "n h w c"),
            (torch.from_numpy(x.numpy()[:, :3]), "n c h w"),
            (torch.from_numpy(x.numpy()[:3]), None),
            ([x], None),
        ):
            tracker.assume(made)
            dims = tracker.dims(made) if isinstance(made, Tensor) else None
            assert (dims and " ".join(map(letters, dims))) == expected
