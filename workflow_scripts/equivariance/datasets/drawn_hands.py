"""Drawn handshapes: a stand-in for LSA16 and RWTH that needs no file.

Ten subjects, who differ in size, proportions, habits and the colour of their glove, show twelve handshapes
a few times each. The hand itself is in `hand_drawing`.
"""

import colorsys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivariance.datasets.hand_drawing import Build, Pose, draw
from equivariance.datasets.handshapes import (
    SUBJECT_SPLIT,
    SUBJECT_SPLITS,
    SUBJECTS,
    split_by_settings,
    test_share,
)
from equivariance.datasets.image_set import ImageSet
from equivariance.datasets.settings import one_of, resolve, whole
from equivariance.datasets.sizes import Size, split_size

DEFAULTS: dict[str, Any] = {"repetitions": 8, "appearance": "rgb", **SUBJECT_SPLIT}
CHANNELS = {"rgb": 3, "gray": 1, "bw": 1}  # of each appearance
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)

# Bend of each joint, and direction of the thumb from upright, outwards positive; all in radians.
STRAIGHT, HOOKED, FOLDED = 0.04, 0.52, 1.35
OUT, UP, BESIDE, ACROSS = 1.05, 0.65, 0.15, -0.75

# Bends of index, middle, ring and little finger; their spread; the thumb's direction.
HANDSHAPES = {
    "five": Pose((STRAIGHT,) * 4, 1.0, OUT),
    "four": Pose((STRAIGHT,) * 4, 0.7, ACROSS),
    "three": Pose((STRAIGHT, STRAIGHT, STRAIGHT, FOLDED), 0.8, ACROSS),
    "flat": Pose((STRAIGHT,) * 4, 0.05, BESIDE),
    "fist": Pose((FOLDED,) * 4, 0.1, ACROSS),
    "index": Pose((STRAIGHT, FOLDED, FOLDED, FOLDED), 0.1, ACROSS),
    "claw": Pose((HOOKED,) * 4, 0.7, OUT),
    "l": Pose((STRAIGHT, FOLDED, FOLDED, FOLDED), 0.1, OUT),
    "v": Pose((STRAIGHT, STRAIGHT, FOLDED, FOLDED), 1.3, ACROSS),
    "horns": Pose((STRAIGHT, FOLDED, FOLDED, STRAIGHT), 0.8, ACROSS),
    "telephone": Pose((FOLDED, FOLDED, FOLDED, STRAIGHT), 1.1, OUT),
    "thumb": Pose((FOLDED,) * 4, 0.1, UP),
}


def expected_size(settings: Mapping[str, Any]) -> Size:
    """See `sizes.expected_size`."""
    shape, classes = (CHANNELS[settings["appearance"]], 32, 32), len(HANDSHAPES)
    return split_size(shape, classes, classes * SUBJECTS * settings["repetitions"], test_share(settings))


def load(settings: Mapping[str, Any], mirror: str | None, cache: Path) -> ImageSet:
    """Draw images (C, 32, 32): 12 classes x 10 subjects x `repetitions`; the groups are the subjects.

    `appearance` is rgb (3 channels), gray or bw (1 channel: the mask of the hand).
    `split: subject` tests on `test_subjects` (numbers from 1), `random` on a stratified `test_fraction`.
    """
    chosen = resolve("drawn_hands", settings, DEFAULTS)
    one_of("split of drawn_hands", chosen["split"], SUBJECT_SPLITS)
    appearance = one_of("appearance of drawn_hands", chosen["appearance"], CHANNELS)
    repetitions = whole("repetitions", chosen["repetitions"], 1)
    seed = whole("seed", chosen["seed"], 0)
    pictures, labels, groups = [], [], []
    for label, pose in enumerate(HANDSHAPES.values()):
        for subject in range(1, SUBJECTS + 1):
            build = subject_build(subject, seed)
            for repetition in range(repetitions):
                generator = np.random.default_rng((seed, subject, label, repetition))
                pictures.append(draw(vary(pose, generator), build, generator))
                labels.append(label)
                groups.append(str(subject))
    images = ImageSet(
        name="drawn_hands",
        images=_with_appearance(appearance, np.stack(pictures)),
        labels=np.array(labels, dtype=np.int64),
        classes=tuple(HANDSHAPES),
        groups=np.array(groups, dtype=np.str_),
        test=np.zeros(len(labels), dtype=np.bool_),
    )
    return split_by_settings(images, chosen)


def subject_build(subject: int, seed: int) -> Build:
    """A subject's hand: size, lengths, widths, and a glove in a colour of its own."""
    generator = np.random.default_rng((seed, subject))
    hue = (subject * 0.381966) % 1.0  # steps of the golden section: ten hues well apart
    red, green, blue = colorsys.hsv_to_rgb(hue, generator.uniform(0.45, 0.85), generator.uniform(0.8, 1.0))
    return Build(
        size=generator.uniform(0.76, 0.88),
        finger_length=generator.uniform(0.9, 1.1),
        finger_width=generator.uniform(0.88, 1.15),
        palm_width=generator.uniform(0.92, 1.1),
        tilt=generator.uniform(-0.12, 0.12),
        colour=(red, green, blue),
    )


def vary(pose: Pose, generator: np.random.Generator) -> Pose:
    """Change a pose a little at random, as nobody shows a handshape twice in the same way."""
    return Pose(
        bends=tuple(max(0.0, bend + generator.normal(0, 0.06)) for bend in pose.bends),
        spread=pose.spread * generator.uniform(0.8, 1.2),
        thumb=pose.thumb + generator.normal(0, 0.07),
    )


def _with_appearance(appearance: str, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Change RGB pictures (N, 3, H, W) to the channels of an appearance.

    Only the background is 0 in all channels, so that the mask is exact: 255 where the hand covers any part of
    a pixel.
    """
    if appearance == "gray":
        return np.rint(np.einsum("nchw,c->nhw", pictures, LUMINANCE))[:, None].astype(np.uint8)
    if appearance == "bw":
        return np.where(pictures.any(axis=1, keepdims=True), 255, 0).astype(np.uint8)
    return pictures
