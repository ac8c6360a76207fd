"""Accuracy over (image, transformation) pairs."""

import torch
from torch import nn

from equivariance.sampling import generator
from equivariance.training.data import DeviceImages
from equivariance.transformations.sets import TransformationSet
from equivariance.transformations.warp import Padding

BATCH = 256


def accuracy(
    model: nn.Module,
    data: DeviceImages,
    transformations: TransformationSet,
    per_image: int | None,
    padding: Padding = "border",
) -> float:
    """Share of (image, transformation) pairs that the network classifies right, in [0, 1].

    Every image is seen under `per_image` different members of the set, drawn once from a fixed seed, or under
    all of them where the set has no more (or `per_image` is None). The mode of the network is restored.
    """
    device = data.labels.device
    members = member_draws(len(data), len(transformations), per_image)  # (N, K)
    matrices = transformations.matrices.to(device)
    plain = len(transformations) == 1
    training = model.training
    model.eval()
    right = 0
    try:
        with torch.inference_mode():
            for draw in members.T:
                for start in range(0, len(data), BATCH):
                    rows = torch.arange(start, min(start + BATCH, len(data)), device=device)
                    warps = None if plain else matrices[draw[start : start + BATCH].to(device)]
                    scores = model(data.batch(rows, warps, padding))  # (N, classes)
                    right += int((scores.argmax(1) == data.labels[rows]).sum())
    finally:
        model.train(training)
    return right / members.numel()


def member_draws(images: int, members: int, per_image: int | None) -> torch.Tensor:
    """Members for each image, (images, K): all, or K = `per_image` different ones from a fixed seed."""
    if per_image is None or per_image >= members:
        return torch.arange(members).expand(images, members)
    random = torch.rand(images, members, generator=generator(0, f"evaluation of {per_image} of {members}"))
    return random.argsort(dim=1)[:, :per_image]
