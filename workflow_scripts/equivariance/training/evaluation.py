"""Accuracies and errors of a network over (image, transformation) pairs of a data set."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from equivariance.devices import half
from equivariance.sampling import generator
from equivariance.training.data import DeviceImages
from equivariance.training.layout import channels_last
from equivariance.transformations.sets import TransformationSet

BATCH = 256


def accuracy(
    model: nn.Module, data: DeviceImages, transformations: TransformationSet, per_image: int | None
) -> float:
    """Share of the pairs of `counts` that the network classifies correctly, in [0, 1]."""
    right, seen = counts(model, data, transformations, per_image)
    return int(right.sum()) / int(seen.sum())


def counts(
    model: nn.Module, data: DeviceImages, transformations: TransformationSet, per_image: int | None
) -> tuple[Tensor, Tensor]:
    """Count, by class and member of the set, the pairs that are classified correctly and all pairs.

    Every image is transformed by `per_image` different members of the set, drawn once from a fixed seed, or
    by all of them if the set has no more (or `per_image` is None). Returns two int64 tensors (classes, T) on
    the CPU, for the classes up to the largest label. The mode of the network is restored;
    its filters stay in `channels_last`.
    """
    classes, members = int(data.labels.max()) + 1, len(transformations)
    right = torch.zeros(classes, members, dtype=torch.int64, device=data.labels.device)
    seen = torch.zeros_like(right)
    for rows, draw, scores in _outputs(model, data, transformations, per_image):
        labels = data.labels[rows]
        hits = (scores.argmax(1) == labels).to(torch.int64)
        right.index_put_((labels, draw), hits, accumulate=True)
        seen.index_put_((labels, draw), torch.ones_like(hits), accumulate=True)
    return right.cpu(), seen.cpu()


def errors(
    model: nn.Module,
    data: DeviceImages,
    transformations: TransformationSet,
    targets: Tensor,
    per_image: int | None,
) -> dict[str, float]:
    """Errors of predicted parameters over the same pairs as `counts`; `targets` are (T, K) in [0, 1].

    With p the outputs, t the targets and means over all pairs and parameters:
    mae = mean |p - t|; smape = mean 2 |p - t| / (|p| + |t|), 0 where both are 0;
    rae = mean |p - t| / mean |m - t|, with m the mean target of each parameter over the pairs.
    """
    found = [
        (scores.double(), targets[draw].double())
        for _, draw, scores in _outputs(model, data, transformations, per_image)
    ]
    p, t = (torch.cat(values) for values in zip(*found, strict=True))  # (pairs, K)
    off = (p - t).abs()
    size = p.abs() + t.abs()
    smape = torch.where(size > 0, 2 * off / size.clamp_min(1e-300), 0.0)
    return {
        "mae": float(off.mean()),
        "smape": float(smape.mean()),
        "rae": float(off.mean() / (t.mean(0) - t).abs().mean()),
    }


def _outputs(
    model: nn.Module, data: DeviceImages, transformations: TransformationSet, per_image: int | None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of rows (N,), the member that transforms each (N,), and the outputs of the network (N, K)."""
    device = data.labels.device
    members = member_draws(len(data), len(transformations), per_image).to(device)  # (images, K)
    matrices = transformations.matrices.to(device)
    plain = len(transformations) == 1
    channels_last(model)
    with _evaluating(model), torch.inference_mode():
        size = BATCH
        for draws in members.T:
            start = 0
            while start < len(data):
                rows = torch.arange(start, min(start + size, len(data)), device=device)
                draw = draws[rows]
                try:
                    outputs = model(data.batch(rows, None if plain else matrices[draw]))
                except torch.OutOfMemoryError as error:
                    size = half(len(rows), "the evaluation", error)
                    continue
                yield rows, draw, outputs
                start += len(rows)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def member_draws(images: int, members: int, per_image: int | None) -> Tensor:
    """Draw members for each image, (images, K): all, or K = `per_image` different ones, from a fixed seed."""
    if per_image is None or per_image >= members:
        return torch.arange(members).expand(images, members)
    random = torch.rand(images, members, generator=generator(0, f"evaluation of {per_image} of {members}"))
    return random.argsort(dim=1)[:, :per_image]
