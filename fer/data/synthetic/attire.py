"""What surrounds a synthetic face, as filled shapes: hair behind and before it, neck and clothes, glasses. See `shapes.py`."""

from __future__ import annotations

import numpy as np

from fer.data.synthetic.curves import Points, mirrored, ribbons
from fer.data.synthetic.geometry import EYE_Y, SIDES, eye_x
from fer.data.synthetic.parameters import Colour
from fer.data.synthetic.shapes import Shape, Sketch, mix, tint

_FRAME: Colour = (44.0, 40.0, 44.0)
_FAR = 4.0  # crop sides below the face: beyond the lower edge of any picture


def back_hair_shapes(sketch: Sketch) -> list[Shape]:
    """Hair that hangs or stands behind the head."""
    looks = sketch.looks
    dim = tint(looks.hair, 0.78, 0.78, 0.80)
    if looks.hair_style in ("long", "fringe"):
        return [Shape(mirrored(sketch.curves["drape"]), dim)]
    if looks.hair_style == "bun":
        return [Shape(sketch.oval(0.0, -0.80, 0.17, 0.15), dim)]
    if looks.hair_style == "curly":
        return [Shape(sketch.oval(0.0, -0.26, 0.53, 0.52), dim)]
    return []


def body_shapes(sketch: Sketch) -> list[Shape]:
    """Neck with the shadow of the chin, and, in detail, clothes with a collar."""
    looks, curves = sketch.looks, sketch.curves
    neck = mirrored(np.concatenate([curves["neck"], ((0.30, 0.80), (0.0, 0.80))]))
    chin = mirrored(curves["jaw"] * np.array((0.86, 1.0)) + np.array((0.0, 0.075 + 0.02 * sketch.parameters.units.au26)))
    shapes = [
        Shape(neck, tint(looks.skin, 0.93, 0.90, 0.88)),
        Shape(chin.clip((-0.213, -_FAR), (0.213, _FAR)), tint(looks.skin, 0.70, 0.62, 0.60)),
    ]
    if not sketch.detail:  # a tight crop ends above the clothes
        return shapes
    collar, shoulder = curves["collar"], curves["shoulder"]
    clothes = np.concatenate([collar, shoulder, ((1.02, _FAR), (-1.02, _FAR)), shoulder[::-1] * np.array((-1.0, 1.0))])
    hem = np.concatenate([collar, collar[::-1] * np.array((1.06, 1.0)) + np.array((0.0, 0.026))])
    return [*shapes, Shape(clothes, looks.clothes), Shape(hem, tint(looks.clothes, 0.82, 0.82, 0.82))]


def hair_shapes(sketch: Sketch) -> list[Shape]:
    """Hair on the head, down to the hairline; in detail with strands."""
    looks, curves = sketch.looks, sketch.curves
    left, right, line_left, line_right = (curves[name] for name in ("hair_left", "hair_right", "hairline_left", "hairline_right"))
    colour = looks.hair
    if looks.hair_style == "shaved":  # skin shines through, and it stands off less
        colour = mix(looks.hair, looks.skin, 0.35)
        left, right = line_left + 0.72 * (left - line_left), line_right + 0.72 * (right - line_right)
    shapes = [Shape(np.concatenate([left, right[::-1], line_right, line_left[::-1]]), colour)]
    if looks.hair_style == "curly":
        rim = np.concatenate(
            [
                outer[len(outer) // 4 :] * 0.8 + inner[len(inner) // 4 :] * 0.2
                for outer, inner in ((left, line_left), (right, line_right))
            ]
        )
        shapes += [Shape(sketch.oval(x, y, 0.095, 0.095), colour) for x, y in rim[:: max(len(left) // 6, 1)].tolist()]
    elif sketch.detail and looks.hair_style != "shaved":
        strands = _strands(left, line_left, -1.0, looks.hair_style) + _strands(right, line_right, 1.0, looks.hair_style)
        named = {str(number): strand for number, strand in enumerate(strands)}
        shades = (mix(colour, (255.0, 236.0, 210.0), 0.09), tint(colour, 0.86, 0.86, 0.87))
        strokes = ribbons(named, dict.fromkeys(named, (0.014, 0.0)))
        shapes += [Shape(stroke, shades[number % 2]) for number, stroke in enumerate(strokes.values())]
    return shapes


def _strands(outer: Points, inner: Points, s: float, style: str) -> list[Points]:
    """Curves between the outline of the hair and the hairline on one side (-1 left, 1 right), each (n, 2)."""
    if style == "long":  # falls to the side, along the hairline
        return [outer + share * (inner - outer) for share in (0.16, 0.34, 0.5, 0.68, 0.85)]
    along = np.linspace(0.06, 0.94, len(outer))[:, None]
    lean = np.sin(np.pi * along) * np.array((0.04 * s, 0.0))
    return [inner[n] + along * (outer[n] - inner[n]) + lean * n / len(outer) for n in range(4, len(outer), 3)]


def glasses_shapes(sketch: Sketch) -> list[Shape]:
    """Round glasses, where they are worn."""
    if not sketch.looks.glasses:
        return []
    x, y, shapes = eye_x(sketch.looks), EYE_Y + 0.012, []
    for _, s in SIDES:
        # A ring is one polygon that runs round the rim and back along the inside.
        outer, inner = sketch.oval(s * x, y, 0.128, 0.100), sketch.oval(s * x, y, 0.117, 0.089)
        shapes.append(Shape(np.concatenate([outer, outer[:1], inner[:1], inner[::-1]]), _FRAME))
        shapes.append(Shape(_bar(np.array([(s * (x + 0.125), y - 0.014), (s * 0.39, y - 0.025)])), _FRAME))
    nose = x - 0.12
    shapes.append(Shape(_bar(np.array([(-nose, y - 0.014), (0.0, y - 0.024), (nose, y - 0.014)])), _FRAME))
    return shapes


def _bar(points: Points) -> Points:
    """A bar of even thickness along points."""
    return np.concatenate([points - np.array((0.0, 0.006)), points[::-1] + np.array((0.0, 0.006))])
