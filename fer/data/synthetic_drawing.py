"""Colour and shade a synthetic face: contours of `fer/data/synthetic_geometry.py` → filled shapes → pixels.

Shapes are painted flat from back to front; then one shade map (a weighted sum of soft blobs fixed to the face, moved with the head)
gives it volume: eye sockets, nose, cheeks, folds, and the side away from the light. `fer/data/synthetic.py` frames the result.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.synthetic_face import Appearance, Colour, FaceParameters, Pose
from fer.data.synthetic_geometry import (
    EYE_Y,
    MOUTH_Y,
    SIDES,
    Points,
    eye_x,
    face_controls,
    jaw_y,
    mirrored,
    mouth_gap,
    nose_half_width,
    nose_y,
    project,
    ribbons,
    sample_curves,
    unit_circle,
)

_SUBPIXEL_BITS = 4
_SHADE_SIDE, _SHADE_REACH = 80, 0.8  # the shade map's side in pixels, and how far it reaches from the middle in crop sides


class Shape(NamedTuple):
    """A filled polygon in face coordinates."""

    points: Points
    colour: Colour


class Drawing(NamedTuple):
    """The shapes of one face, back to front: hair behind the head, neck and clothes, the head itself."""

    behind: list[Shape]
    body: list[Shape]
    head: list[Shape]


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2]))


def _times(colour: Colour, r: float, g: float, b: float) -> Colour:
    return (min(colour[0] * r, 255.0), min(colour[1] * g, 255.0), min(colour[2] * b, 255.0))


def _oval(x: float, y: float, rx: float, ry: float, samples: int) -> Points:
    return unit_circle(samples) * (rx, ry) + (x, y)


_BEARD_EDGE = np.array([(0.0, 0.172), (0.05, 0.168), (0.10, 0.182), (0.145, 0.222), (0.185, 0.225), (0.245, 0.175), (0.305, 0.09), (0.345, 0.02)])


class _Fold(NamedTuple):
    """A stroke: the curve it follows, its width, how dark (0 to 1 of the fold colour)."""

    curve: str
    width: float
    strength: float


def draw_shapes(parameters: FaceParameters, *, detail: bool) -> Drawing:
    """The shapes of a face.

    Args:
        parameters: what to draw.
        detail: True for faces of about 100 pixels and more: smooth curves, lashes, strands of hair, a body.
    """
    samples = 24 if detail else 9
    curves = sample_curves(face_controls(parameters), samples)
    folds = _folds(parameters)
    folds = [fold for fold in folds if fold.strength > 0.06]
    strokes = ribbons(curves, {fold.curve: (fold.width, 0.0) for fold in folds} | _FEATURE_STROKES | _brow_strokes(parameters.appearance))
    skin = parameters.appearance.skin
    dark = _times(skin, 0.52, 0.42, 0.38)
    head = _skin_shapes(parameters, curves, samples)
    head += [Shape(strokes[fold.curve], _mix(skin, dark, min(fold.strength, 1.0))) for fold in folds]
    head += _nose_shapes(parameters, strokes, samples)
    head += _mouth_shapes(parameters, curves, strokes)
    for side in SIDES:
        head += _eye_shapes(parameters, curves, strokes, side, samples, detail)
    head += _hair_shapes(parameters.appearance, curves, detail)
    if parameters.appearance.glasses:
        head += _glasses_shapes(parameters.appearance, 2 * samples)
    return Drawing(_behind_shapes(parameters.appearance, curves, samples), _body_shapes(parameters, curves, detail), head)


_FEATURE_STROKES = {
    "inner_upper": (0.010, 0.0),
    "tip": (0.009, 0.0),
    **{f"{curve}_{side}": width for side, _ in SIDES for curve, width in (("upper_lid", (0.014, 0.0)), ("lower_lid", (0.005, 0.0)), ("wing", (0.009, 0.0)))},
}


def _brow_strokes(looks: Appearance) -> dict[str, tuple[float, float]]:
    return {f"brow_{side}": (0.031 * looks.brow_thickness, 1.0) for side, _ in SIDES}


def _folds(parameters: FaceParameters) -> list[_Fold]:
    """The folds of skin that action units and age draw, and how strongly."""
    units, looks = parameters.units, parameters.appearance
    age = looks.age
    folds = [_Fold(f"frown_{side}", 0.011, 0.95 * units.au4 * (1 - 0.3 * units.au1) + 0.15 * age) for side, _ in SIDES]
    folds += [_Fold(f"forehead_{n}", 0.008, (0.75 - 0.1 * n) * units.au1 * (0.5 + 0.5 * units.au2 + 0.2 * units.au4) + 0.3 * age) for n in range(3)]
    folds += [_Fold(f"wrinkle_{n}", 0.010, 0.9 * units.au9) for n in range(3)]
    for (side, s), pull, dimple in zip(SIDES, (units.au12_left, units.au12_right), (units.au14_left, units.au14_right), strict=True):
        folds += [
            _Fold(f"nasolabial_{side}", 0.012, 0.05 + 0.40 * age + 0.42 * pull + 0.6 * units.au9 + 0.15 * units.au20),
            _Fold(f"dimple_{side}", 0.013, 0.9 * dimple + 0.25 * max(pull - 0.5, 0.0) * (1 - dimple)),
            _Fold(f"marionette_{side}", 0.010, 0.5 * units.au15 + 0.25 * age),
            _Fold(f"bag_{side}", 0.008, 0.05 + 0.30 * age + 0.40 * units.au6 + 0.25 * units.au7),
            _Fold(f"crease_{side}", 0.009, 0.50 - 0.25 * units.au4),
            _Fold(f"bridge_{side}", 0.012, 0.10 + 0.22 * max(0.0, s * -parameters.pose.light_x)),
        ]
        folds += [_Fold(f"crow_{side}_{n}", 0.007, 0.6 * units.au6 * (0.4 + 0.6 * age)) for n in range(3)]
    folds.append(_Fold("chin_fold", 0.012, 0.08 + 0.5 * units.au17 + 0.2 * units.au15))
    return folds


def _skin_shapes(parameters: FaceParameters, curves: dict[str, Points], samples: int) -> list[Shape]:
    looks = parameters.appearance
    skin = looks.skin
    shapes = []
    for _, s in SIDES:
        x = s * 0.398 * looks.face_width
        shapes += [Shape(_oval(x, 0.005, 0.052, 0.095, 2 * samples), _times(skin, 0.93, 0.87, 0.85))]
        shapes += [Shape(_oval(x + s * 0.008, 0.0, 0.026, 0.058, 2 * samples), _times(skin, 0.76, 0.66, 0.62))]
    outline = mirrored(np.concatenate([curves["skull"], curves["jaw"][1:]]))
    shapes.append(Shape(outline, skin))
    if looks.beard > 0:
        jaw = curves["jaw"]
        rim = mirrored(np.concatenate([_BEARD_EDGE, jaw[len(jaw) // 8 :]]))
        shapes.append(Shape(rim, _mix(skin, _mix(looks.hair, skin, 0.25), 0.25 + 0.45 * looks.beard)))
    return shapes


def _nose_shapes(parameters: FaceParameters, strokes: dict[str, Points], samples: int) -> list[Shape]:
    looks = parameters.appearance
    w, y = nose_half_width(parameters.units, looks), nose_y(parameters.units)
    dark = _times(looks.skin, 0.60, 0.48, 0.44)
    shapes = [Shape(strokes["tip"], _mix(looks.skin, dark, 0.75))]
    for side, s in SIDES:
        shapes.append(Shape(strokes[f"wing_{side}"], _mix(looks.skin, dark, 0.7)))
        shapes.append(Shape(_oval(s * w * 0.50, y + 0.006, 0.36 * w, 0.0095, 2 * samples), _times(looks.skin, 0.36, 0.25, 0.24)))
    return shapes


def _mouth_shapes(parameters: FaceParameters, curves: dict[str, Points], strokes: dict[str, Points]) -> list[Shape]:
    units, looks = parameters.units, parameters.appearance
    lip = _mix(_times(looks.skin, 0.86, 0.60, 0.60), (176.0, 78.0, 80.0), 0.28)
    upper, lower = curves["inner_upper"], curves["inner_lower"]
    bow = np.concatenate([curves["bow_left"], curves["bow_right"][::-1]])
    shapes = [
        Shape(np.concatenate([curves["outer_lower"], upper[::-1]]), _times(lip, 1.06, 1.04, 1.04)),
        Shape(np.concatenate([bow, upper[::-1]]), _times(lip, 0.88, 0.86, 0.86)),
    ]
    gap = mouth_gap(units)
    if gap > 0.012:
        shapes.append(Shape(np.concatenate([upper, lower[::-1]]), (66.0, 22.0, 26.0)))
        pull = max(units.au12_left, units.au12_right, units.au20, 0.8 * units.au9)
        if gap > 0.05:
            inner = slice(len(upper) // 5, len(upper) - len(upper) // 5)
            reach = 0.62 - 0.1 * units.au26
            shapes.append(Shape(np.concatenate([upper[inner] + reach * (lower - upper)[inner], lower[inner][::-1]]), (168.0, 74.0, 78.0)))
        # The upper teeth hang from the upper lip; the lower ones show where the lower lip is drawn down or aside.
        for edge, other, height in ((upper, lower, 0.016 + 0.026 * pull), (lower, upper, 0.030 * max(units.au16, 0.7 * units.au20))):
            if height > 0.006:
                share = min(1.0, height / gap)
                shapes.append(Shape(np.concatenate([edge, (edge + share * (other - edge))[::-1]]), (240.0, 236.0, 226.0)))
    else:
        shapes.append(Shape(strokes["inner_upper"], _times(lip, 0.50, 0.42, 0.44)))
    return shapes


def _eye_shapes(
    parameters: FaceParameters, curves: dict[str, Points], strokes: dict[str, Points], side: tuple[str, float], samples: int, detail: bool
) -> list[Shape]:
    looks, pose = parameters.appearance, parameters.pose
    name, s = side
    upper, lower = curves[f"upper_lid_{name}"], curves[f"lower_lid_{name}"]
    order = slice(None, None, int(s))  # np.interp needs ascending x; the lids run from the inner to the outer corner

    def within_lids(oval: Points) -> Points:
        top = np.interp(oval[:, 0], upper[order, 0], upper[order, 1])
        bottom = np.maximum(np.interp(oval[:, 0], lower[order, 0], lower[order, 1]), top)
        return np.stack([oval[:, 0], np.minimum(np.maximum(oval[:, 1], top), bottom)], axis=1)

    x, y = s * eye_x(looks) + 0.026 * pose.gaze_x, EYE_Y - 0.004 + 0.012 * pose.gaze_y
    r = 0.040 * looks.eye_size
    lash = _mix(looks.hair, (24.0, 18.0, 18.0), 0.7)
    shapes = [
        Shape(np.concatenate([upper, lower[::-1]]), (238.0, 234.0, 230.0)),
        Shape(within_lids(_oval(x, y, r, r, 2 * samples)), _times(looks.iris, 0.8, 0.8, 0.8)),
        Shape(within_lids(_oval(x, y, 0.5 * r, 0.5 * r, samples)), (14.0, 12.0, 14.0)),
    ]
    if detail:
        shapes.insert(2, Shape(within_lids(_oval(x, y + 0.004, 0.8 * r, 0.76 * r, 2 * samples)), _times(looks.iris, 1.25, 1.25, 1.25)))
        # The lid shades the top of the eyeball; the light stands in both eyes on the same side.
        shade = np.concatenate([upper, np.minimum(upper + (0.0, 0.012), np.maximum(lower, upper))[::-1]])
        shapes.append(Shape(shade, (118.0, 104.0, 104.0)))
        shapes.append(Shape(within_lids(_oval(x + 0.35 * r * np.sign(pose.light_x), y - 0.35 * r, 0.22 * r, 0.22 * r, samples)), (252.0, 252.0, 252.0)))
        shapes.append(Shape(_oval(s * (eye_x(looks) - 0.073 * looks.eye_size), EYE_Y + 0.008, 0.007, 0.006, samples), (206.0, 140.0, 132.0)))
    shapes.append(Shape(strokes[f"lower_lid_{name}"], _times(looks.skin, 0.60, 0.46, 0.44)))
    shapes.append(Shape(strokes[f"upper_lid_{name}"], lash))
    shapes.append(Shape(strokes[f"brow_{name}"], _mix(looks.hair, _times(looks.skin, 0.5, 0.4, 0.36), 0.3)))
    return shapes


def _hair_shapes(looks: Appearance, curves: dict[str, Points], detail: bool) -> list[Shape]:
    left, right = curves["hair_left"], curves["hair_right"]
    line_left, line_right = curves["hairline_left"], curves["hairline_right"]
    colour = looks.hair
    if looks.hair_style == "shaved":
        colour = _mix(looks.hair, looks.skin, 0.35)
        left, right = line_left + 0.72 * (left - line_left), line_right + 0.72 * (right - line_right)
    shapes = [Shape(np.concatenate([left, right[::-1], line_right, line_left[::-1]]), colour)]
    if looks.hair_style == "curly":
        curls = np.concatenate([(0.8 * left + 0.2 * line_left)[len(left) // 4 :], (0.8 * right + 0.2 * line_right)[len(right) // 4 :]])
        shapes += [Shape(_oval(float(x), float(y), 0.095, 0.095, len(left)), colour) for x, y in curls[:: max(len(left) // 6, 1)]]
    if detail and looks.hair_style not in ("shaved", "curly"):
        strands = {}
        for side, outer, inner in (("left", left, line_left), ("right", right, line_right)):
            if looks.hair_style == "long":  # falls to the sides, along the hairline
                strands |= {f"{side}_{share}": outer + share * (inner - outer) for share in (0.16, 0.34, 0.5, 0.68, 0.85)}
            else:  # combed back from it, in slight arcs
                along = np.linspace(0.06, 0.94, len(outer))[:, None]
                lean = np.sin(np.pi * along) * (0.035, 0.0)
                strands |= {f"{side}_{n}": inner[n] + along * (outer[n] - inner[n]) + lean for n in range(4, len(outer), 3)}
        bright, dim = _mix(colour, (255.0, 236.0, 210.0), 0.09), _times(colour, 0.86, 0.86, 0.87)
        strokes = ribbons(strands, {name: (0.014, 0.0) for name in strands})
        shapes += [Shape(stroke, bright if number % 2 else dim) for number, stroke in enumerate(strokes.values())]
    return shapes


def _behind_shapes(looks: Appearance, curves: dict[str, Points], samples: int) -> list[Shape]:
    dim = _times(looks.hair, 0.78, 0.78, 0.80)
    if looks.hair_style in ("long", "fringe"):
        return [Shape(mirrored(curves["drape"]), dim)]
    if looks.hair_style == "bun":
        return [Shape(_oval(0.0, -0.80, 0.17, 0.15, 2 * samples), dim)]
    if looks.hair_style == "curly":
        return [Shape(_oval(0.0, -0.26, 0.53, 0.52, 2 * samples), dim)]
    return []


def _body_shapes(parameters: FaceParameters, curves: dict[str, Points], detail: bool) -> list[Shape]:
    looks = parameters.appearance
    shadow = curves["jaw"] * (0.86, 1.0) + (0.0, 0.075 + 0.02 * parameters.units.au26)
    collar = curves["collar"]
    neck = mirrored(np.concatenate([curves["neck"], ((0.30, 0.80), (0.0, 0.80))]))
    shapes = [
        Shape(neck, _times(looks.skin, 0.93, 0.90, 0.88)),
        Shape(mirrored(shadow).clip((-0.213, -4.0), (0.213, 4.0)), _times(looks.skin, 0.70, 0.62, 0.60)),
    ]
    if not detail:  # a tight crop ends above the clothes
        return shapes
    shoulder = curves["shoulder"]
    clothes = np.concatenate([collar, shoulder, ((1.02, 4.0), (-1.02, 4.0)), shoulder[::-1] * (-1.0, 1.0)])
    return [
        *shapes,
        Shape(clothes, looks.clothes),
        Shape(np.concatenate([collar, collar[::-1] * (1.06, 1.0) + (0.0, 0.026)]), _times(looks.clothes, 0.82, 0.82, 0.82)),
    ]


def _glasses_shapes(looks: Appearance, samples: int) -> list[Shape]:
    frame: Colour = (44.0, 40.0, 44.0)
    x, shapes = eye_x(looks), []
    for _, s in SIDES:
        # A ring is one polygon that runs round the rim and back along the inside.
        outer, inner = _oval(s * x, EYE_Y + 0.012, 0.128, 0.100, samples), _oval(s * x, EYE_Y + 0.012, 0.117, 0.089, samples)
        shapes.append(Shape(np.concatenate([outer, outer[:1], inner[:1], inner[::-1]]), frame))
        shapes.append(Shape(np.array([(s * (x + 0.125), EYE_Y - 0.01), (s * 0.39, EYE_Y - 0.02), (s * 0.39, EYE_Y - 0.006), (s * (x + 0.125), EYE_Y + 0.006)]), frame))
    bridge = x - 0.12
    shapes.append(Shape(np.array([(-bridge, EYE_Y - 0.008), (0.0, EYE_Y - 0.018), (bridge, EYE_Y - 0.008), (bridge, EYE_Y + 0.004), (0.0, EYE_Y - 0.006), (-bridge, EYE_Y + 0.004)]), frame))
    return shapes


def fill_shapes(canvas_rgb: NDArray[np.uint8], shapes: list[Shape], pose: Pose, scale: float, centre_xy: tuple[float, float]) -> None:
    """Paint shapes onto a canvas, in place.

    Args:
        canvas_rgb: uint8 (H, W, 3), or (H, W, 4): starting from zeros, the fourth channel collects the coverage (premultiplied).
        shapes: back to front.
        pose: turns them.
        scale: one side of the face crop, in pixels.
        centre_xy: where the crop's middle comes to lie, in pixels (x, y); (0, 0) is the corner of the first pixel.
    """
    if not shapes:
        return
    points = project(np.concatenate([shape.points for shape in shapes]), pose) * scale + centre_xy
    # OpenCV counts from the middle of a pixel.
    fixed = np.rint((points - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    start = 0
    for shape in shapes:
        end = start + len(shape.points)
        cv2.fillPoly(canvas_rgb, [fixed[start:end]], (*shape.colour, 255.0), cv2.LINE_AA, _SUBPIXEL_BITS)
        start = end


@lru_cache(maxsize=1)
def _shade_maps() -> NDArray[np.float32]:
    """Soft blobs fixed to the face, float32 (12, side, side): what each adds to the brightness at weight 1. See `_shade_weights`."""
    axis = (np.arange(_SHADE_SIDE) + 0.5) / _SHADE_SIDE * 2 * _SHADE_REACH - _SHADE_REACH
    x, y = np.meshgrid(axis, axis)

    def blob(cx: float, cy: float, sx: float, sy: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2))

    def pair(cx: float, cy: float, sx: float, sy: float) -> NDArray[np.float64]:
        return blob(cx, cy, sx, sy) + blob(-cx, cy, sx, sy)

    def side(s: float) -> NDArray[np.float64]:
        steps = np.linspace(0, 1, 7)
        return np.asarray(sum(blob(s * (0.085 + 0.085 * t), 0.10 + 0.15 * t, 0.03, 0.045) for t in steps) / 2.2)

    # Everything fades out at the rim of the map, so that no edge shows on what lies behind the head.
    window = np.clip((0.78 - np.sqrt(x**2 + (y * 0.95) ** 2)) / 0.12, 0, 1)
    radius = np.sqrt((x / 0.42) ** 2 + ((y + 0.06) / 0.58) ** 2)
    maps = [
        -np.clip(radius, 0, 1.15) ** 4 + 0.12,  # the head turns away from the eye towards its rim
        np.clip(x / 0.40, -1.1, 1.1) + 0.9 * (blob(0.05, 0.02, 0.028, 0.12) - blob(-0.05, 0.02, 0.028, 0.12)),  # light from the right
        np.clip(y / 0.55, -1, 1),  # light from below
        -pair(0.175, EYE_Y - 0.018, 0.105, 0.058) - 0.5 * pair(0.085, EYE_Y - 0.008, 0.035, 0.05),  # eye sockets
        blob(0, -0.02, 0.028, 0.13) + 0.8 * blob(0, 0.075, 0.035, 0.03),  # ridge and tip of the nose
        -blob(0, 0.135, 0.085, 0.025),  # under the nose
        pair(0.215, 0.055, 0.085, 0.07),  # cheekbones
        -blob(0, 0.335, 0.085, 0.022) + 0.6 * blob(0, 0.425, 0.08, 0.05),  # under the lip, and the chin
        blob(0, -0.33, 0.20, 0.09),  # forehead
        -blob(0, -0.205, 0.055, 0.06),  # frown
        -side(-1.0),  # left nasolabial fold
        -side(1.0),
    ]
    return np.stack([m * window for m in maps]).astype(np.float32)


def _shade_weights(parameters: FaceParameters) -> list[float]:
    units, looks, pose = parameters.units, parameters.appearance, parameters.pose
    smile = 0.5 * (units.au12_left + units.au12_right)
    return [
        0.20,
        0.17 * pose.light_x,
        0.15 * pose.light_y,
        0.20 + 0.10 * units.au4 + 0.05 * looks.age - 0.05 * units.au5,
        0.14,
        0.22,
        0.09 + 0.09 * max(units.au6, smile),
        0.13 + 0.08 * units.au17,
        0.07,
        0.16 * units.au4 + 0.10 * units.au9,
        0.04 + 0.12 * units.au12_left + 0.10 * units.au9 + 0.06 * looks.age,
        0.04 + 0.12 * units.au12_right + 0.10 * units.au9 + 0.06 * looks.age,
    ]


def shade_map(parameters: FaceParameters, size_wh: tuple[int, int], scale: float, centre_xy: tuple[float, float]) -> NDArray[np.float32]:
    """How light or dark each pixel of a canvas is, float32 (H, W), 1 where the head has no say; arguments as in `fill_shapes`."""
    shade = 1 + np.tensordot(np.array(_shade_weights(parameters), np.float32), _shade_maps(), 1)
    anchors = np.array([(-EYE_Y * 1.6, EYE_Y), (EYE_Y * 1.6, EYE_Y), (0.0, jaw_y(parameters.units) * 0.6)])
    on_map = (anchors + _SHADE_REACH) / (2 * _SHADE_REACH) * _SHADE_SIDE - 0.5
    on_canvas = project(anchors, parameters.pose) * scale + centre_xy - 0.5
    matrix = cv2.getAffineTransform(on_map.astype(np.float32), on_canvas.astype(np.float32))
    return np.asarray(cv2.warpAffine(shade, matrix, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0), np.float32)
