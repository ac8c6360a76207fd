"""Names, kinds and depths of the layers of a network, and the number of its parameters."""

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _AvgPoolNd, _LPPoolNd, _MaxPoolNd

KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    "conv": (_ConvNd,),
    "linear": (nn.Linear, nn.Bilinear),
    "activation": (
        nn.ELU, nn.ReLU, nn.PReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ReLU6, nn.SELU, nn.CELU, nn.GELU,
        nn.SiLU, nn.Mish, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.LogSigmoid,
    ),
    "pool": (_MaxPoolNd, _AvgPoolNd, _LPPoolNd, _AdaptiveMaxPoolNd, _AdaptiveAvgPoolNd),
    "norm": (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm),
    "reshape": (nn.Flatten, nn.Unflatten),
    "output": (nn.LogSoftmax, nn.Softmax),
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A leaf module: its name in `named_modules`, its kind, its place, and its depth from 0 (first) to 1
    (last)."""

    name: str
    kind: str
    index: int
    depth: float


def kind_of(module: nn.Module) -> str:
    """Name a module's kind: conv, linear, activation, pool, norm, reshape, output, or else other.

    A class may give its own as an attribute `layer_kind`; the classes here add input, add and concatenate.
    """
    own = getattr(module, "layer_kind", None)
    if isinstance(own, str):
        return own
    return next((kind for kind, types in KINDS.items() if isinstance(module, types)), "other")


def layer_table(model: nn.Module) -> list[Layer]:
    """List the leaf modules in the order of their definition, without the standardising input layer.

    Works for any module; the order is that of `named_modules`, which in the networks of this package is that
    of execution.
    """
    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    named = [(name, kind_of(module)) for name, module in leaves]
    layers = [(name, kind) for name, kind in named if kind != "input"]
    last = max(len(layers) - 1, 1)
    return [Layer(name, kind, index, index / last) for index, (name, kind) in enumerate(layers)]


def parameter_count(model: nn.Module) -> int:
    """Count the learned values. Buffers, such as running statistics, do not count."""
    return sum(parameter.numel() for parameter in model.parameters())
