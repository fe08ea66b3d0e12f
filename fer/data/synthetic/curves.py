"""Curves and strokes of a drawing, and the turn of a head: the geometry that knows nothing of what a face looks like.

`geometry.py` names the curves, `shapes.py` fills them. All is vectorised over the curves of one face, which is what makes
thousands of small faces a second possible.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fer.data.synthetic.parameters import Pose

Points = NDArray[np.float64]  # (n, 2)
XY = tuple[float, float]
Controls = tuple[XY, XY, XY, XY]  # of a cubic Bézier curve


@lru_cache(maxsize=4)
def _bernstein(samples: int) -> NDArray[np.float64]:
    """Weights of the four control points of a cubic Bézier curve at equal steps of its parameter, (samples, 4)."""
    t = np.linspace(0.0, 1.0, samples)
    return np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)


@lru_cache(maxsize=4)
def unit_circle(samples: int) -> Points:
    """Points of a circle of radius 1 around the origin."""
    angles = np.linspace(0.0, 2 * np.pi, samples, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def sample_curves(controls: dict[str, Controls], samples: int) -> dict[str, Points]:
    """Points along many curves at once: name → (samples, 2)."""
    points = _bernstein(samples) @ np.array(list(controls.values()))
    return dict(zip(controls, points, strict=True))


@lru_cache(maxsize=4)
def _profiles(samples: int) -> NDArray[np.float64]:
    """Relative width along a stroke, (2, samples): one that tapers to both ends, one that tapers to the far end."""
    t = np.linspace(0.0, 1.0, samples)
    return np.stack([np.sin(np.pi * t) ** 0.7 + 0.08, np.minimum(1.0, 0.55 + 4 * t) * (1 - 0.8 * t**2.5)])


def ribbons(curves: dict[str, Points], widths: dict[str, tuple[float, float]]) -> dict[str, Points]:
    """Turn curves into strokes that swell and taper, as a brush draws them.

    Args:
        curves: name → (n, 2); all of one n.
        widths: name → (width in the middle, tail); tail 0 tapers to both ends, 1 starts broad and tapers to the far end.

    Returns:
        name → closed polygon (2n, 2).
    """
    points = np.array([curves[name] for name in widths])
    width_and_tail = np.array(list(widths.values()))
    profile = _profiles(points.shape[1])[width_and_tail[:, 1].astype(int)] * width_and_tail[:, :1]
    tangents = np.empty_like(points)
    tangents[:, 1:-1] = points[:, 2:] - points[:, :-2]
    tangents[:, 0], tangents[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    lengths = np.sqrt((tangents**2).sum(axis=2, keepdims=True)) + 1e-9
    offsets = tangents[:, :, ::-1] * np.array([-0.5, 0.5]) / lengths * profile[:, :, None]
    outlines = np.concatenate([points + offsets, (points - offsets)[:, ::-1]], axis=1)
    return dict(zip(widths, outlines, strict=True))


def project(points: Points, pose: Pose) -> Points:
    """Turn the head: face coordinates → picture coordinates around the crop's middle, same unit.

    The head is a shallow dome with a nose on it, turned in depth by yaw and pitch, seen from afar (no perspective), then rolled.
    """
    x, y = points[:, 0], points[:, 1]
    nose = 0.075 * np.exp(-((x / 0.06) ** 2) - ((y - 0.06) / 0.09) ** 2)
    depth = np.maximum(0.30 - 0.95 * x * x - 0.32 * y * y, -0.05) + nose - 0.16
    yaw, pitch, roll = math.radians(pose.yaw), math.radians(pose.pitch), math.radians(pose.roll)
    turned_x = x * math.cos(yaw) + depth * math.sin(yaw)
    turned_y = y * math.cos(pitch) + depth * math.sin(pitch)
    turned = np.empty_like(points)
    turned[:, 0] = math.cos(roll) * turned_x - math.sin(roll) * turned_y
    turned[:, 1] = math.sin(roll) * turned_x + math.cos(roll) * turned_y
    return turned


def mirrored(half: Points) -> Points:
    """Close a half outline (top to bottom, on the right) with its mirror image."""
    return np.concatenate([half, half[::-1] * (-1.0, 1.0)])
