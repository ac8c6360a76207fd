"""Finite sets of transformations, as tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from equivariance.transformations.affine import from_parameters, to_parameters
from equivariance.transformations.parameters import Parameters, Spec, members


@dataclass(frozen=True, eq=False)
class TransformationSet:
    """A named set of matrices, float64 (T, 3, 3), that contains the identity exactly once.

    Raises ValueError where it does not.
    """

    name: str
    matrices: Tensor  # (T, 3, 3)

    def __post_init__(self) -> None:
        if self.matrices.dtype != torch.float64 or self.matrices.shape[1:] != (3, 3):
            raise ValueError(
                f"set {self.name!r}: matrices are {self.matrices.dtype} {tuple(self.matrices.shape)}; "
                "needed: float64 (T, 3, 3)"
            )
        identities = len(identities_among(self.matrices))
        if identities != 1:
            raise ValueError(f"set {self.name!r} contains the identity {identities} times; needed: once")

    def __len__(self) -> int:
        return len(self.matrices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TransformationSet):
            return NotImplemented
        return self.name == other.name and torch.equal(self.matrices, other.matrices)

    def __hash__(self) -> int:
        return hash((self.name, len(self)))

    @property
    def identity_index(self) -> int:
        """Where the identity stands."""
        return int(identities_among(self.matrices))

    @property
    def inverses(self) -> Tensor:
        """The matrix inverses, float64 (T, 3, 3), in the order of the members."""
        return torch.linalg.inv(self.matrices)

    @property
    def parameters(self) -> Tensor:
        """(turns, sx, sy, dx, dy) of each member, float64 (T, 5), to rounding; see `affine.to_parameters`."""
        return to_parameters(self.matrices)

    @property
    def varying(self) -> tuple[str, ...]:
        """Names of the parameters that differ between members; the others cannot be scaled by their range."""
        values = self.parameters
        spread = values.amax(dim=0) - values.amin(dim=0)
        return tuple(name for name, s in zip(Parameters._fields, spread, strict=True) if s > 1e-9)


def identities_among(matrices: Tensor) -> Tensor:
    """Find where the identity stands among matrices (T, 3, 3): indices (I, 1), I of them."""
    eye = torch.eye(3, dtype=matrices.dtype, device=matrices.device)
    return (matrices == eye).all(dim=(1, 2)).nonzero()


def build_set(name: str, spec: Spec) -> TransformationSet:
    """Build the set that `spec` describes (see `parameters`); raises UserError for a spec that is not
    valid."""
    return TransformationSet(name, from_parameters(torch.tensor(members(spec), dtype=torch.float64)))
