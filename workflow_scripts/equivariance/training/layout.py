"""The layout of images and filters in memory: channels last, which is faster in training and evaluation.

It changes how sums are rounded, and nothing else: shapes and the order of axes stay (N, C, H, W).
"""

import torch
from torch import Tensor, nn


def channels_last(model: nn.Module) -> None:
    """Lay out the filters of a network with the channels innermost.

    Convolutions, poolings and activations then run so too, and need images from `images_last`, or else
    convert them.
    """
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = images_last(parameter.data)


def images_last(images: Tensor) -> Tensor:
    """The same images, or filters, (N, C, H, W) with the channels innermost in memory.

    `contiguous` would leave those of one channel as they are, and convolutions then take the other layout.
    """
    return images.to(memory_format=torch.channels_last)


def keep_layout(model: nn.Module) -> None:
    """Have the gradients of a network in `channels_last` keep that layout, once for a network.

    That of what is flattened would come back with the channels outermost, and an elementwise operation on
    two layouts takes several times as long.
    """

    def hook(_: nn.Module, inputs: tuple[Tensor]) -> None:
        (maps,) = inputs
        if maps.requires_grad and maps.dim() == 4 and maps.is_contiguous(memory_format=torch.channels_last):
            maps.register_hook(images_last)

    for module in model.modules():
        if isinstance(module, nn.Flatten):
            module.register_forward_pre_hook(hook)
