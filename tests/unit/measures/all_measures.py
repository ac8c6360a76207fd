"""Every measure by name, and activations that it can be computed from."""

import torch
from torch import Tensor

from equivariance.measures.accumulator import Setting
from equivariance.measures.catalog import ALPHA, BATCH, MEASURES
from equivariance.measures.layer import LayerMeasures
from equivariance.measures.names import FAMILIES
from equivariance.measures.registry import resolve
from equivariance.transformations.affine import rotation

CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}
NAMES = [
    *dict.fromkeys(name for members in FAMILIES.values() for name in members),
    *(f"{kind}d{variant}" for variant in ("_keep", "_normalize_keep") for kind in "tsn"),
    *("ndse", "ndse_normalize_keep", "anova_uncorrected", "goodfellow_normal_original"),
]


def with_batch(name: str, batch: int) -> str:
    """Name the measure with a parameter that suits so few samples."""
    values = {BATCH: f"@{batch}", ALPHA: "@0.8"}
    return name + values.get(MEASURES[name].parameter, "")


def draw(seed: int, samples: int, transformations: int = 5, layer: tuple[int, ...] = (2, 3, 4)) -> Tensor:
    """Activations (n, T, *layer), float64, with a row, a column and a random effect."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((samples, 1), (1, transformations), (samples, transformations))
    return sum(torch.randn(*shape, *layer, generator=generator, dtype=torch.float64) for shape in shapes)


def make(
    names: str | list[str], dtype: torch.dtype, transformations: int = 5, mask: bool = False
) -> LayerMeasures:
    """Make the measures of a layer under so many rotations."""
    matrices = torch.stack([rotation(j / transformations) for j in range(transformations)]).roll(1, 0)
    setting = Setting(dtype, min(1, transformations - 1), matrices, mask=mask)
    return LayerMeasures(resolve(names), ["none"], setting)


def calibrate(layer: LayerMeasures, whole: Tensor) -> LayerMeasures:
    """Show it the untransformed samples of (n, T, ...), where it wants them."""
    if layer.needs_calibration:
        layer.calibrate(whole[:, layer.setting.identity], len(whole))
    return layer


def values(layer: LayerMeasures) -> dict[str, Tensor]:
    """Read the values, by measure."""
    found = {name: tensor for name, _, tensor in layer.compute()}
    assert all(tensor.dtype == torch.float64 for tensor in found.values())
    return found


def assert_close(ours: Tensor, expected: Tensor, relative: float) -> None:
    torch.testing.assert_close(ours, expected, rtol=relative, atol=relative * 1e-3, equal_nan=True)
