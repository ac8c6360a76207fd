"""3x3 matrices of affine transformations of the image plane.

A matrix M acts on points (x, y, 1): the content at p moves to M p. The origin is the centre of the image, x
points right, y points down, and the unit is half the image's longer side. The unit is the same along both
axes, so that a rotation is rigid in an image that is not square, and one matrix serves an image and all its
feature maps.
"""

import math
from functools import reduce

import torch
from torch import Tensor

Number = float | Tensor


def rotation(turns: Number) -> Tensor:
    """Rotate about the centre by 2 pi `turns`, counter-clockwise on the screen: float64 (..., 3, 3)."""
    angle = 2 * math.pi * _tensor(turns)
    cos, sin = angle.cos(), angle.sin()
    return _matrix(cos, sin, 0.0, -sin, cos, 0.0)


def scaling(sx: Number, sy: Number) -> Tensor:
    """Scale about the centre; a factor above 1 enlarges: float64 (..., 3, 3)."""
    return _matrix(sx, 0.0, 0.0, 0.0, sy, 0.0)


def translation(dx: Number, dy: Number) -> Tensor:
    """Move right by `dx` and down by `dy`, fractions of the longer side: float64 (..., 3, 3).

    The unit of the plane is half that side, hence the factor 2.
    """
    return _matrix(1.0, 0.0, 2 * _tensor(dx), 0.0, 1.0, 2 * _tensor(dy))


def compose(*matrices: Tensor) -> Tensor:
    """Apply the transformations one after the other, the first given first: compose(S, R, T) = T R S."""
    return reduce(lambda before, after: after @ before, matrices)


def from_parameters(parameters: Tensor) -> Tensor:
    """Turn (turns, sx, sy, dx, dy), (..., 5), into M = T R S: scale, then rotate, then translate: (..., 3,
    3)."""
    turns, sx, sy, dx, dy = _tensor(parameters).unbind(-1)
    return compose(scaling(sx, sy), rotation(turns), translation(dx, dy))


def to_parameters(matrices: Tensor) -> Tensor:
    """Read (turns, sx, sy, dx, dy), (..., 5), from M = T R S with positive factors; turns in (-1/2, 1/2].

    The columns of the linear part are sx (cos, -sin) and sy (sin, cos). Raises ValueError for a matrix of
    another form (a shear, a reflection), which has no such parameters.
    """
    turns = torch.atan2(-matrices[..., 1, 0], matrices[..., 0, 0]) / (2 * math.pi)
    sx, sy = matrices[..., :2, :2].norm(dim=-2).unbind(-1)
    dx, dy = (matrices[..., :2, 2] / 2).unbind(-1)
    parameters = torch.stack([turns, sx, sy, dx, dy], dim=-1)
    if not torch.allclose(from_parameters(parameters), matrices, rtol=0, atol=1e-9):
        raise ValueError("not a scaling followed by a rotation and a translation")
    return parameters


def _tensor(value: Number) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64)


def _matrix(a: Number, b: Number, c: Number, d: Number, e: Number, f: Number) -> Tensor:
    entries = torch.broadcast_tensors(*(_tensor(value) for value in (a, b, c, d, e, f, 0.0, 0.0, 1.0)))
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))
