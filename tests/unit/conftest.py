"""Small configurations that the tests of several modules share."""

from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIGURATION = """
run: small
seeds: {few: 2, many: 3}
dataset_groups: {both: [digits, natural_patches]}
set_groups: {simple: [rotation, scale]}
datasets:
  digits: {title: digits, source: digits, stand_in_for: MNIST}
  natural_patches: {title: natural patches, source: natural_patches, stand_in_for: CIFAR10}
transformations:
  none: {title: untransformed}
  rotation: {title: rotations, rotations: {count: 4}}
  scale: {title: scales, scales: {steps: 1, smallest: 0.5, largest: 1.25}}
models:
  plain:
    title: Plain
    source: a test
    family: simple_conv
    optimizer: {name: adamw, learning_rate: 0.001}
    datasets:
      digits: {widths: {filters: 4, hidden: 8}, epochs: 10, batch_size: 16}
      natural_patches: {widths: {filters: 6, hidden: 8}, epochs: 20, batch_size: 16}
  normalized: {like: plain, title: Normalized, settings: {batch_norm: true}}
experiments:
  looks:
    title: Looks
    chapter: Data
    question: How do they look?
    source: a test
    images: {datasets: both, sets: simple, layout: members, samples: 1, members: 4}
    figure: {kind: image_grid}
  accuracies:
    title: Accuracies
    chapter: Networks
    question: How good are they?
    source: a test
    train: {datasets: digits, models: [plain], sets: [none, simple], seeds: few, savepoints: all}
    test: own
    figure: {kind: bars, x: trained_with, hue: savepoint}
  profiles:
    title: Profiles
    chapter: Networks
    question: Where are they invariant?
    source: a test
    train: {datasets: both, models: [plain, normalized], sets: simple, seeds: many}
    measure: {with: own, measures: [nv]}
    figure: {kind: layer_profile, row: dataset, column: trained_with, hue: model}
"""


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def schemas(root: Path) -> Path:
    """The folder of the schemas."""
    return root / "config" / "schemas"


@pytest.fixture
def raw() -> dict[str, Any]:
    """A small configuration as YAML gives it, to be changed at will."""
    values: dict[str, Any] = yaml.safe_load(CONFIGURATION)
    return values
