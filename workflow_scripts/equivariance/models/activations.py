"""Activation functions as modules, so that each is a layer with a name. None works in place."""

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "prelu": nn.PReLU,  # one learned slope per layer, torch's default
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
