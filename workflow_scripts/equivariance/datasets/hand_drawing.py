"""A parametric right hand, its palm towards the viewer, drawn as shaded round-ended bars.

Coordinates: x to the right, y up, the wrist at (0, 0), the tip of the middle finger of an average hand at
about (0, 1.75). Each joint of a finger bends towards the viewer by the same angle, so a segment is seen
shortened by the cosine of the bends so far, and comes down over the palm when these exceed a right angle.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SIDE = 32
FINE = 3  # drawn at 96 x 96 and averaged, for smooth edges
# Of index, middle, ring and little finger:
KNUCKLES = ((-0.30, 0.86), (-0.10, 0.92), (0.10, 0.89), (0.29, 0.80))
LENGTHS = (0.74, 0.82, 0.76, 0.60)
PHALANGES = (0.46, 0.31, 0.23)  # of a finger's length
FAN = (0.24, 0.06, -0.12, -0.36)  # directions at a spread of 1, radians from upright, outwards positive
FINGER_RADIUS = 0.098
THUMB_ROOT, THUMB_LENGTHS, THUMB_RADIUS = (-0.25, 0.32), (0.42, 0.33), 0.115


@dataclass(frozen=True)
class Pose:
    """What the hand does: bend of each joint of four fingers, their spread, and the thumb's direction."""

    bends: tuple[float, ...]  # radians a joint; 0 is straight
    spread: float  # 0: fingers together
    thumb: float  # radians from upright, outwards positive


@dataclass(frozen=True)
class Build:
    """Whose hand it is; lengths and widths relative to an average one, tilt in radians, colour in [0, 1]."""

    size: float
    finger_length: float
    finger_width: float
    palm_width: float
    tilt: float
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class _Bar:
    """A round-ended bar from `start` to `end`, a radius at each; `height` is how near it is to the viewer."""

    start: tuple[float, float]
    end: tuple[float, float]
    radii: tuple[float, float]
    height: float

    def turned(self, angle: float) -> "_Bar":
        """Turn counter-clockwise about the wrist, radians."""
        cos, sin = math.cos(angle), math.sin(angle)
        start, end = ((cos * x - sin * y, sin * x + cos * y) for x, y in (self.start, self.end))
        return replace(self, start=start, end=end)


def draw(pose: Pose, build: Build, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a hand on black, (3, 32, 32), with small random changes of its tilt, size, place and light.

    The longer side of what the hand covers takes `build.size` of the image, as in pictures cut out around
    a hand.
    """
    tilt = build.tilt + generator.normal(0, 0.06)
    size = build.size * generator.uniform(0.96, 1.04)
    place = generator.uniform(-0.5, 0.5, size=2) * (1 - 2 / SIDE - size)  # stays off the border
    light = generator.uniform(0.9, 1.0)
    bars = [bar.turned(tilt) for bar in _bars(pose, build)]
    x, y = _plane(bars, size, place)
    shade = np.zeros((SIDE * FINE, SIDE * FINE))
    for bar in sorted(bars, key=lambda bar: bar.height):
        _paint(shade, x, y, bar)
    gray = shade.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3))  # (32, 32)
    image = light * gray * np.array(build.colour)[:, None, None]  # (3, 32, 32)
    return np.rint(255 * image.clip(0, 1)).astype(np.uint8)


def _plane(
    bars: list[_Bar], size: float, place: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The hand's x of each fine column and y of each fine row, (96,) each; its middle is at `place`."""
    ends = np.array([end for bar in bars for end in (bar.start, bar.end)])  # (2 n, 2)
    radii = np.array([radius for bar in bars for radius in bar.radii])[:, None]
    low, high = (ends - radii).min(axis=0), (ends + radii).max(axis=0)
    unit = (high - low).max() / size  # of the hand's plane along a side of the image
    steps = (np.arange(SIDE * FINE) + 0.5) / (SIDE * FINE) - 0.5
    middle = (low + high) / 2
    return middle[0] + unit * (steps - place[0]), middle[1] - unit * (steps + place[1])


def _bars(pose: Pose, build: Build) -> list[_Bar]:
    wide = build.palm_width
    bars = [
        _Bar((-0.08 * wide, -0.1), (-0.08 * wide, 0.15), (0.22, 0.20), 0.0),  # forearm
        _Bar((0.08 * wide, -0.1), (0.08 * wide, 0.15), (0.22, 0.20), 0.0),
        _Bar((-0.13 * wide, 0.18), (-0.22 * wide, 0.72), (0.19, 0.20), 0.01),  # palm
        _Bar((0.0, 0.18), (0.0, 0.76), (0.19, 0.20), 0.02),
        _Bar((0.13 * wide, 0.18), (0.22 * wide, 0.66), (0.19, 0.19), 0.01),
    ]
    fingers = zip(KNUCKLES, LENGTHS, FAN, pose.bends, strict=True)
    for (x, y), length, direction, bend in fingers:
        radius = FINGER_RADIUS * build.finger_width * (0.9 if length < 0.7 else 1.0)
        bars += _finger((x * wide, y), length * build.finger_length, direction * pose.spread, bend, radius)
    return bars + _thumb(pose.thumb, build)


def _finger(
    knuckle: tuple[float, float], length: float, direction: float, bend: float, radius: float
) -> list[_Bar]:
    bars, start, height = [], knuckle, 0.05
    for joint, share in enumerate(PHALANGES, start=1):
        seen = length * share * math.cos(joint * bend)
        end = (start[0] - seen * math.sin(direction), start[1] + seen * math.cos(direction))
        height += length * share * max(math.sin(joint * bend), 0.02)
        taper = radius * (1.06 - 0.09 * joint)
        bars.append(_Bar(start, end, (taper + 0.09 * radius, taper), height))
        start = end
    return bars


def _thumb(direction: float, build: Build) -> list[_Bar]:
    root = (THUMB_ROOT[0] * build.palm_width, THUMB_ROOT[1])
    first, second = (length * build.finger_length for length in THUMB_LENGTHS)
    radius = THUMB_RADIUS * build.finger_width
    folded = direction < 0
    start = direction if not folded else 0.25  # a thumb across the palm turns at its middle joint
    joint = (root[0] - first * math.sin(start), root[1] + first * math.cos(start))
    last = direction * 0.9 if not folded else direction * 1.7
    tip = (joint[0] - second * math.sin(last), joint[1] + second * math.cos(last))
    height = 0.7 if folded else 0.04
    ball = _Bar((-0.10, 0.22), root, (0.16, 0.15), 0.03)
    return [
        ball,
        _Bar(root, joint, (1.25 * radius, radius), height),
        _Bar(joint, tip, (radius, 0.82 * radius), height + 0.01),
    ]


def _paint(shade: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], bar: _Bar) -> None:
    """Paint a bar over what is there: light along its axis, darker to its edges, as a cylinder is."""
    columns, rows = (_near(values, bar, axis) for axis, values in enumerate((x, y)))
    right, up = x[None, columns] - bar.start[0], y[rows, None] - bar.start[1]
    across, along = bar.end[0] - bar.start[0], bar.end[1] - bar.start[1]
    share = ((right * across + up * along) / max(across**2 + along**2, 1e-9)).clip(0, 1)
    distance = np.hypot(right - share * across, up - share * along)  # from the axis
    radius = bar.radii[0] + share * (bar.radii[1] - bar.radii[0])
    inside = distance < radius
    round_off = np.sqrt(1 - (distance[inside] / radius[inside]) ** 2)
    shade[rows, columns][inside] = (0.8 + 0.25 * min(bar.height, 0.8)) * (0.45 + 0.55 * round_off)


def _near(values: NDArray[np.float64], bar: _Bar, axis: int) -> slice:
    """The columns or rows that a bar can reach."""
    ends, radius = (bar.start[axis], bar.end[axis]), max(bar.radii)
    reached = np.flatnonzero((values > min(ends) - radius) & (values < max(ends) + radius))
    return slice(reached[0], reached[-1] + 1) if len(reached) else slice(0, 0)
