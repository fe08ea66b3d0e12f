"""The filled shapes of a synthetic face: skin, folds, nose, mouth and eyes; what surrounds them is in `attire.py`.

Takes parameters and the curves of `geometry.py`; `painting.py` turns the shapes into pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fer.data.synthetic.curves import Points, mirrored, ribbons, sample_curves, unit_circle
from fer.data.synthetic.geometry import EYE_Y, SIDES, eye_x, face_controls, mouth_gap, nose_half_width, nose_y
from fer.data.synthetic.parameters import Appearance, Colour, FaceParameters

_FAINTEST = 0.06  # strength below which a fold is not drawn
_TEETH: Colour = (230.0, 226.0, 216.0)
_TONGUE: Colour = (168.0, 74.0, 78.0)
_MOUTH_INSIDE: Colour = (66.0, 22.0, 26.0)
# Right half of a beard's upper edge, from under the nose to the ear.
_BEARD_EDGE = np.array(
    [(0, 0.172), (0.05, 0.168), (0.1, 0.182), (0.145, 0.222), (0.185, 0.225), (0.245, 0.175), (0.305, 0.09), (0.345, 0.02)]
)
# Curves that are always strokes: width in the middle, and whether it tapers to the far end only.
_STROKES = {"inner_upper": (0.010, 0.0), "tip": (0.009, 0.0)} | {
    f"{curve}_{side}": (width, 0.0)
    for side, _ in SIDES
    for curve, width in (("upper_lid", 0.014), ("lower_lid", 0.005), ("wing", 0.009))
}


class Shape(NamedTuple):
    """A filled polygon in face coordinates."""

    points: Points
    colour: Colour


class Fold(NamedTuple):
    """A stroke in the skin: the curve it follows, its width in crop sides, how dark it is (0…1)."""

    curve: str
    width: float
    strength: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """A face as lines, ready to be filled.

    Args:
        parameters: what is drawn.
        curves: every curve of `face_controls`, by name, (n, 2).
        strokes: outlines of those that are drawn as strokes, by name, (2n, 2).
        folds: the folds among them, faint ones left out.
        samples: n, points a curve.
        detail: whether to draw what shows only in a large face.
    """

    parameters: FaceParameters
    curves: dict[str, Points]
    strokes: dict[str, Points]
    folds: list[Fold]
    samples: int
    detail: bool

    @classmethod
    def of(cls, parameters: FaceParameters, *, detail: bool) -> Sketch:
        """Sample the curves of a face; `detail` is for faces of about 100 pixels and more."""
        samples = 24 if detail else 9
        curves = sample_curves(face_controls(parameters), samples)
        folds = [fold for fold in face_folds(parameters) if fold.strength > _FAINTEST]
        brows = {f"brow_{side}": (0.031 * parameters.appearance.brow_thickness, 1.0) for side, _ in SIDES}
        strokes = ribbons(curves, {fold.curve: (fold.width, 0.0) for fold in folds} | _STROKES | brows)
        return cls(parameters, curves, strokes, folds, samples, detail)

    @property
    def looks(self) -> Appearance:
        """Who is drawn."""
        return self.parameters.appearance

    def oval(self, x: float, y: float, rx: float, ry: float) -> Points:
        """An ellipse around a point."""
        circle = unit_circle(2 * self.samples)
        points = np.empty_like(circle)
        points[:, 0], points[:, 1] = circle[:, 0] * rx + x, circle[:, 1] * ry + y
        return points


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour between two, at share 0 the first."""
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))


def tint(colour: Colour, r: float, g: float, b: float) -> Colour:
    """A colour with its channels multiplied."""
    return (min(colour[0] * r, 255.0), min(colour[1] * g, 255.0), min(colour[2] * b, 255.0))


def face_folds(parameters: FaceParameters) -> list[Fold]:
    """The folds of skin that action units, age and light draw, and how strongly."""
    units, age = parameters.units, parameters.appearance.age
    forehead = units.au1 * (0.5 + 0.5 * units.au2 + 0.2 * units.au4)
    folds = [Fold(f"forehead_{n}", 0.008, (0.75 - 0.1 * n) * forehead + 0.3 * age) for n in range(3)]
    folds += [Fold(f"wrinkle_{n}", 0.010, 0.9 * units.au9) for n in range(3)]
    folds.append(Fold("chin_fold", 0.012, 0.08 + 0.5 * units.au17 + 0.2 * units.au15))
    for side, s in SIDES:
        pull, dimple = units.of_side(side)
        folds += [
            Fold(f"frown_{side}", 0.011, 0.95 * units.au4 * (1 - 0.3 * units.au1) + 0.15 * age),
            Fold(f"nasolabial_{side}", 0.012, 0.05 + 0.40 * age + 0.42 * pull + 0.6 * units.au9 + 0.15 * units.au20),
            Fold(f"dimple_{side}", 0.013, 0.9 * dimple + 0.25 * max(pull - 0.5, 0.0) * (1 - dimple)),
            Fold(f"marionette_{side}", 0.010, 0.5 * units.au15 + 0.25 * age),
            Fold(f"bag_{side}", 0.008, 0.05 + 0.30 * age + 0.40 * units.au6 + 0.25 * units.au7),
            Fold(f"crease_{side}", 0.009, 0.50 - 0.25 * units.au4),
            Fold(f"bridge_{side}", 0.012, 0.10 + 0.22 * max(0.0, s * -parameters.pose.light_x)),
        ]
        folds += [Fold(f"crow_{side}_{n}", 0.007, 0.6 * units.au6 * (0.4 + 0.6 * age)) for n in range(3)]
    return folds


def face_shapes(sketch: Sketch) -> list[Shape]:
    """Ears, skin, folds, nose, mouth, eyes and brows, back to front."""
    skin = sketch.looks.skin
    dark = tint(skin, 0.52, 0.42, 0.38)
    shapes = _skin_shapes(sketch)
    shapes += [Shape(sketch.strokes[fold.curve], mix(skin, dark, min(fold.strength, 1.0))) for fold in sketch.folds]
    shapes += _nose_shapes(sketch)
    shapes += _mouth_shapes(sketch)
    for side, s in SIDES:
        shapes += _eye_shapes(sketch, side, s)
    return shapes


def _skin_shapes(sketch: Sketch) -> list[Shape]:
    looks, jaw = sketch.looks, sketch.curves["jaw"]
    shapes = []
    for _, s in SIDES:
        x = s * 0.398 * looks.face_width
        shapes.append(Shape(sketch.oval(x, 0.005, 0.052, 0.095), tint(looks.skin, 0.93, 0.87, 0.85)))
        shapes.append(Shape(sketch.oval(x + s * 0.008, 0.0, 0.026, 0.058), tint(looks.skin, 0.76, 0.66, 0.62)))
    shapes.append(Shape(mirrored(np.concatenate([sketch.curves["skull"], jaw[1:]])), looks.skin))
    if looks.beard > 0:
        stubble = mix(looks.skin, mix(looks.hair, looks.skin, 0.25), 0.25 + 0.45 * looks.beard)
        shapes.append(Shape(mirrored(np.concatenate([_BEARD_EDGE, jaw[len(jaw) // 8 :]])), stubble))
    return shapes


def _nose_shapes(sketch: Sketch) -> list[Shape]:
    units, looks = sketch.parameters.units, sketch.looks
    w, y = nose_half_width(units, looks), nose_y(units)
    dark = tint(looks.skin, 0.60, 0.48, 0.44)
    shapes = [Shape(sketch.strokes["tip"], mix(looks.skin, dark, 0.75))]
    for side, s in SIDES:
        shapes.append(Shape(sketch.strokes[f"wing_{side}"], mix(looks.skin, dark, 0.7)))
        shapes.append(Shape(sketch.oval(s * w * 0.50, y + 0.006, 0.36 * w, 0.0095), tint(looks.skin, 0.36, 0.25, 0.24)))
    return shapes


def _mouth_shapes(sketch: Sketch) -> list[Shape]:
    curves = sketch.curves
    lip = mix(tint(sketch.looks.skin, 0.86, 0.60, 0.60), (176.0, 78.0, 80.0), 0.28)
    upper, lower = curves["inner_upper"], curves["inner_lower"]
    bow = np.concatenate([curves["bow_left"], curves["bow_right"][::-1]])
    shapes = [
        Shape(np.concatenate([curves["outer_lower"], upper[::-1]]), tint(lip, 1.06, 1.04, 1.04)),
        Shape(np.concatenate([bow, upper[::-1]]), tint(lip, 0.88, 0.86, 0.86)),
    ]
    gap = mouth_gap(sketch.parameters.units)
    if gap <= 0.012:
        return [*shapes, Shape(sketch.strokes["inner_upper"], tint(lip, 0.50, 0.42, 0.44))]
    return shapes + _open_mouth_shapes(sketch, upper, lower, gap)


def _open_mouth_shapes(sketch: Sketch, upper: Points, lower: Points, gap: float) -> list[Shape]:
    """The inside of the mouth between the lips' inner edges, which stand `gap` apart: tongue and teeth."""
    units = sketch.parameters.units
    shapes = [Shape(np.concatenate([upper, lower[::-1]]), _MOUTH_INSIDE)]
    if gap > 0.05:
        middle = slice(len(upper) // 5, len(upper) - len(upper) // 5)
        top = upper[middle] + (0.62 - 0.1 * units.au26) * (lower - upper)[middle]
        shapes.append(Shape(np.concatenate([top, lower[middle][::-1]]), _TONGUE))
    # The upper teeth hang from the upper lip; the lower ones show where the lower lip is drawn down or aside.
    upper_teeth = 0.016 + 0.026 * max(units.au12_left, units.au12_right, 0.5 * units.au20, 0.8 * units.au9)
    lower_teeth = 0.030 * max(units.au16, 0.45 * units.au20)
    # In the light that renders skin dark, white is not as white: without this Haar cascades lose the mouth.
    enamel = mix(_TEETH, sketch.looks.skin, 0.45 * (1 - sketch.looks.skin[1] / 255.0))
    for edge, other, height in ((upper, lower, upper_teeth), (lower, upper, lower_teeth)):
        if height > 0.006:
            bite = edge + min(1.0, height / gap) * (other - edge)
            shapes.append(Shape(np.concatenate([edge, bite[::-1]]), enamel))
    return shapes


def _eye_shapes(sketch: Sketch, side: str, s: float) -> list[Shape]:
    looks, pose = sketch.looks, sketch.parameters.pose
    upper, lower = sketch.curves[f"upper_lid_{side}"], sketch.curves[f"lower_lid_{side}"]
    order = slice(None, None, int(s))  # np.interp needs ascending x; the lids run from the inner to the outer corner

    def seen(x: float, y: float, rx: float, ry: float) -> Points:
        # What of an ellipse shows between the lids.
        oval = sketch.oval(x, y, rx, ry)
        top = np.interp(oval[:, 0], upper[order, 0], upper[order, 1])
        bottom = np.maximum(np.interp(oval[:, 0], lower[order, 0], lower[order, 1]), top)
        oval[:, 1] = np.minimum(np.maximum(oval[:, 1], top), bottom)
        return oval

    x, y = s * eye_x(looks) + 0.026 * pose.gaze_x, EYE_Y - 0.004 + 0.012 * pose.gaze_y
    r = 0.040 * looks.eye_size
    shapes = [
        Shape(np.concatenate([upper, lower[::-1]]), (226.0, 222.0, 218.0)),
        Shape(seen(x, y, r, r), tint(looks.iris, 0.8, 0.8, 0.8)),
    ]
    if sketch.detail:
        shapes.append(Shape(seen(x, y + 0.004, 0.8 * r, 0.76 * r), tint(looks.iris, 1.25, 1.25, 1.25)))
    shapes.append(Shape(seen(x, y, 0.5 * r, 0.5 * r), (14.0, 12.0, 14.0)))
    if sketch.detail:
        # The lid shades the top of the eyeball; the light stands in both eyes on the same side.
        shaded = np.minimum(upper + np.array((0.0, 0.012)), np.maximum(lower, upper))
        glint_x = x + 0.35 * r * np.sign(pose.light_x)
        shapes += [
            Shape(np.concatenate([upper, shaded[::-1]]), (118.0, 104.0, 104.0)),
            Shape(seen(glint_x, y - 0.35 * r, 0.22 * r, 0.22 * r), (252.0, 252.0, 252.0)),
            Shape(sketch.oval(s * (eye_x(looks) - 0.073 * looks.eye_size), EYE_Y + 0.008, 0.007, 0.006), (206.0, 140.0, 132.0)),
        ]
    return [
        *shapes,
        Shape(sketch.strokes[f"lower_lid_{side}"], tint(looks.skin, 0.60, 0.46, 0.44)),
        Shape(sketch.strokes[f"upper_lid_{side}"], mix(looks.hair, (24.0, 18.0, 18.0), 0.7)),
        Shape(sketch.strokes[f"brow_{side}"], mix(looks.hair, tint(looks.skin, 0.5, 0.4, 0.36), 0.3)),
    ]
