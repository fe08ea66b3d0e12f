"""The lines of a synthetic face: every contour is a cubic Bézier curve whose control points follow the action units.

Takes the parameters of `parameters.py`; `shapes.py` colours what comes out. Coordinates are those of the face: origin in the
middle of a crop as FER2013 cuts it, x to the right, y down, unit one side of the crop. The eyes are at (±0.185, −0.115), the
mouth at (0, 0.25), as FER2013's landmarks lie on average. The amounts by which a unit moves a point are drawn by eye.
"""

from __future__ import annotations

from fer.data.synthetic.curves import XY, Controls
from fer.data.synthetic.parameters import ActionUnits, Appearance, FaceParameters

EYE_X, EYE_Y, MOUTH_Y = 0.185, -0.115, 0.25
SIDES = (("left", -1.0), ("right", 1.0))


def face_controls(parameters: FaceParameters) -> dict[str, Controls]:
    """Control points of every contour and fold of a face, by name."""
    units, looks = parameters.units, parameters.appearance
    return _head(units, looks) | _eyes(units, looks) | _nose(units, looks) | _mouth(units, looks) | _folds(units, looks)


def jaw_y(units: ActionUnits) -> float:
    """Where the chin ends: the jaw drops with AU26 and is pushed up a little by AU17."""
    return 0.50 + 0.060 * units.au26 - 0.008 * units.au17


def eye_x(looks: Appearance) -> float:
    """Distance of an eye's middle from the middle of the face."""
    return EYE_X * looks.eye_spacing


def _head(units: ActionUnits, looks: Appearance) -> dict[str, Controls]:
    wide, jaw, chin = 0.385 * looks.face_width, 0.30 * looks.jaw_width * looks.face_width, jaw_y(units)
    line = -0.43 + looks.hairline
    if looks.hair_style == "fringe":
        line += 0.11
    part, peak = looks.parting, line
    if looks.hair_style == "long":
        peak -= 0.06  # parted like a curtain
    head: dict[str, Controls] = {
        "skull": ((0.0, -0.60), (0.26 * looks.face_width, -0.60), (wide + 0.01, -0.40), (wide, -0.08)),
        "jaw": ((wide, -0.08), (wide - 0.003, 0.22), (jaw, chin - 0.005), (0.0, chin)),
        "drape": ((0.42, -0.40), (0.64, -0.02), (0.44, 0.50), (0.54, 0.82)),
        "neck": ((0.22, 0.20), (0.215, 0.50), (0.21, 0.58), (0.34, 0.70)),
        "shoulder": ((0.27, 0.645), (0.56, 0.76), (0.88, 0.78), (0.99, 1.28)),
        "collar": ((-0.27, 0.645), (-0.16, 0.83), (0.16, 0.83), (0.27, 0.645)),
    }
    for name, s in SIDES:
        head[f"hair_{name}"] = ((s * (wide + 0.025), -0.02), (s * 0.52, -0.46), (s * 0.32, -0.755), (0.0, -0.735))
        head[f"hairline_{name}"] = (
            (s * (wide - 0.008), -0.02),
            (s * (wide - 0.02), -0.26),
            (s * 0.26 + part * 0.6, line),
            (part, peak),
        )
    return head


def _eyes(units: ActionUnits, looks: Appearance) -> dict[str, Controls]:
    half = 0.088 * looks.eye_size
    closed = units.au43
    up = looks.eye_size * (0.046 + 0.026 * units.au5 - 0.013 * units.au7 - 0.008 * units.au6 - 0.010 * units.au4)
    low = looks.eye_size * (0.024 - 0.014 * units.au7 - 0.012 * units.au6 + 0.007 * units.au5 - 0.004 * units.au9)
    up = up * (1 - closed) - 0.6 * low * closed
    sad_lid = units.au1 * (1 - units.au5) * 0.016  # the inner end of the lid follows the brow, the outer end sinks
    brow_y = -0.218 - looks.brow_height + 0.02 * units.au9
    inner = brow_y - 0.055 * units.au1 * (1 - 0.15 * units.au4) + 0.048 * units.au4 * (1 - 0.85 * units.au1)
    arch = brow_y - 0.030 - 0.020 * units.au1 - 0.052 * units.au2 + 0.034 * units.au4 * (1 - 0.3 * units.au1)
    outer = brow_y + 0.008 - 0.036 * units.au2 + 0.012 * units.au1 * (1 - units.au2) - 0.006 * units.au4
    eyes: dict[str, Controls] = {}
    for name, s in SIDES:
        x = s * eye_x(looks)
        a, b = (x - s * half, EYE_Y + 0.008), (x + s * half, EYE_Y - looks.eye_tilt)
        top = EYE_Y - up / 0.75
        eyes[f"upper_lid_{name}"] = (a, (x - s * half * 0.55, top - sad_lid), (x + s * half * 0.62, top + sad_lid), b)
        bottom = EYE_Y + low / 0.75
        eyes[f"lower_lid_{name}"] = (a, (x - s * half * 0.45, bottom), (x + s * half * 0.55, bottom - 0.004 * units.au7), b)
        # The fold above the lid comes nearer to it as the lid is pulled up or the brow comes down.
        fold = top - 0.024 + 0.010 * units.au5 + 0.008 * units.au4
        eyes[f"crease_{name}"] = (
            (x - s * half * 0.95, EYE_Y - 0.022 - sad_lid),
            (x - s * half * 0.5, fold - sad_lid),
            (x + s * half * 0.62, fold + sad_lid * 0.6),
            (x + s * half * 1.12, EYE_Y - 0.018 + sad_lid * 0.5),
        )
        bag = EYE_Y + 0.052 - 0.016 * units.au6 - 0.006 * units.au7
        eyes[f"bag_{name}"] = (
            (x - s * 0.075, EYE_Y + 0.034),
            (x - s * 0.04, bag + 0.014),
            (x + s * 0.04, bag + 0.014),
            (x + s * 0.085, bag - 0.022),
        )
        eyes[f"brow_{name}"] = (
            (s * (0.088 - 0.030 * units.au4), inner),
            (s * 0.140, inner + 0.65 * (arch - inner) - 0.004),
            (s * 0.225, arch - 0.018),
            (s * 0.302, outer),
        )
        for number, dy in enumerate((-0.026, 0.0, 0.024)):
            y = EYE_Y + dy
            edge = s * (eye_x(looks) + half)
            eyes[f"crow_{name}_{number}"] = (
                (edge + s * 0.022, y * 0.7 + EYE_Y * 0.3 + 0.006),
                (edge + s * 0.035, y),
                (edge + s * 0.05, y + dy * 0.25),
                (edge + s * 0.066, y + dy * 0.7),
            )
    return eyes


def nose_y(units: ActionUnits) -> float:
    """Where the nose ends: AU9 draws it up."""
    return 0.105 - 0.020 * units.au9


def nose_half_width(units: ActionUnits, looks: Appearance) -> float:
    """Half the nose's width at its wings, which AU9 and a smile widen."""
    return 0.062 * looks.nose_width * (1 + 0.16 * units.au9 + 0.06 * (units.au12_left + units.au12_right))


def _nose(units: ActionUnits, looks: Appearance) -> dict[str, Controls]:
    y, w = nose_y(units), nose_half_width(units, looks)
    nose: dict[str, Controls] = {"tip": ((-w * 0.55, y + 0.006), (-0.022, y + 0.030), (0.022, y + 0.030), (w * 0.55, y + 0.006))}
    for name, s in SIDES:
        lift = 0.012 * units.au9
        nose[f"wing_{name}"] = (
            (s * w * 0.80, y - 0.046 - lift),
            (s * w * 1.28, y - 0.040 - lift),
            (s * w * 1.25, y + 0.016),
            (s * w * 0.62, y + 0.007),
        )
        nose[f"bridge_{name}"] = (
            (s * 0.058, EYE_Y - 0.055),
            (s * 0.022, EYE_Y + 0.02),
            (s * 0.030, -0.01),
            (s * 0.040, y - 0.055),
        )
    for number, dy in enumerate((0.0, 0.026, 0.052)):
        half, top = 0.034 + 0.006 * number, EYE_Y - 0.008 + dy
        nose[f"wrinkle_{number}"] = (
            (-half, top + 0.008),
            (-half * 0.4, top - 0.008),
            (half * 0.4, top - 0.008),
            (half, top + 0.008),
        )
    return nose


def mouth_gap(units: ActionUnits) -> float:
    """How far the lips stand apart in the middle."""
    smile = 0.5 * (units.au12_left + units.au12_right)
    return 0.026 * units.au25 + 0.034 * units.au25 * smile + 0.140 * units.au26 + 0.030 * units.au16


def _mouth(units: ActionUnits, looks: Appearance) -> dict[str, Controls]:
    half = 0.120 * looks.mouth_width
    gap = mouth_gap(units)
    smile = 0.5 * (units.au12_left + units.au12_right)
    corners: dict[str, XY] = {}
    for name, s in SIDES:
        pull, dimple = units.of_side(name)
        reach = half + 0.046 * pull + 0.020 * dimple + 0.046 * units.au20 - 0.026 * units.au23 + 0.006 * units.au15
        reach -= 0.034 * units.au26 * (1 - units.au20) * (1 - 0.7 * smile)
        y = (
            MOUTH_Y
            - looks.mouth_curve
            - 0.050 * pull
            - 0.020 * dimple
            + 0.048 * units.au15
            + 0.014 * units.au20
            + 0.32 * gap * (1 - smile)
        )
        corners[name] = (s * reach, y)
    (lx, ly), (rx, ry) = corners["left"], corners["right"]
    ends = 0.5 * (ly + ry)
    upper = MOUTH_Y - 0.06 * gap - 0.026 * units.au9 - 0.010 * units.au17 - 0.012 * units.au15 + 0.012 * smile
    lower = upper + gap
    thick_upper = 0.026 * looks.lip_fullness * (1 - 0.70 * units.au23) * (1 - 0.35 * smile) * (1 - 0.3 * units.au9)
    thick_lower = 0.038 * looks.lip_fullness * (1 - 0.65 * units.au23) * (1 - 0.20 * smile) * (1 - 0.25 * units.au20)

    def through(y: float) -> float:
        # A cubic's middle lies at (ends + 3 y) / 4: the control height that brings it to the height asked for.
        return (y - 0.25 * ends) / 0.75

    def across(y: float, spread: float) -> Controls:
        return ((lx, ly), (lx * spread, through(y)), (rx * spread, through(y)), (rx, ry))

    open_spread = 0.52 + 0.22 * units.au20 + 0.34 * units.au26 * (1 - units.au20)
    mouth: dict[str, Controls] = {
        "inner_upper": across(upper, open_spread),
        "inner_lower": across(lower, open_spread + 0.10 * smile + 0.12 * units.au26),
        "outer_lower": across(lower + thick_lower, open_spread + 0.06 + 0.12 * units.au26),
        "chin_fold": (
            (-0.075, 0.395 + 0.9 * gap * 0.6),
            (-0.03, 0.37 + 0.6 * gap),
            (0.03, 0.37 + 0.6 * gap),
            (0.075, 0.395 + 0.9 * gap * 0.6),
        ),
    }
    bow = upper - thick_upper
    for name, s in SIDES:
        x, y = corners[name]
        mouth[f"bow_{name}"] = ((x, y), (x * 0.62, through(bow) * 0.55 + y * 0.45), (s * 0.034, bow - 0.014), (0.0, bow + 0.004))
    return mouth


def _folds(units: ActionUnits, looks: Appearance) -> dict[str, Controls]:
    w, y = nose_half_width(units, looks), nose_y(units)
    folds: dict[str, Controls] = {}
    for name, s in SIDES:
        pull, _ = units.of_side(name)
        end_x = 0.158 * looks.mouth_width + 0.052 * pull + 0.03 * units.au20
        end_y = MOUTH_Y + 0.005 - 0.03 * pull + 0.02 * units.au15
        bulge = 0.030 + 0.03 * pull + 0.025 * units.au9
        folds[f"nasolabial_{name}"] = (
            (s * (w + 0.012), y - 0.028 - 0.016 * units.au9),
            (s * (w + 0.012 + bulge), y),
            (s * (end_x + 0.012), end_y - 0.075),
            (s * end_x, end_y),
        )
        x = half_reach = 0.120 * looks.mouth_width + 0.046 * pull + 0.046 * units.au20 + 0.028
        dip = MOUTH_Y - 0.05 * pull + 0.045 * units.au15
        folds[f"dimple_{name}"] = (
            (s * half_reach, dip - 0.045),
            (s * (x + 0.018), dip - 0.02),
            (s * (x + 0.016), dip + 0.015),
            (s * x, dip + 0.036),
        )
        folds[f"frown_{name}"] = ((s * 0.026, -0.258), (s * 0.014, -0.235), (s * 0.016, -0.200), (s * 0.028, -0.165))
        folds[f"marionette_{name}"] = (
            (s * (0.135 * looks.mouth_width), dip + 0.02),
            (s * 0.15, dip + 0.04),
            (s * 0.155, dip + 0.06),
            (s * 0.148, dip + 0.085),
        )
    # Raised inner brows alone wrinkle the middle of the forehead, the whole brow all of it.
    reach = 0.10 + 0.13 * units.au2
    for number, height in enumerate((-0.305, -0.345, -0.385)):
        sag = 0.016 * (1 - 2 * units.au2 * units.au1)
        folds[f"forehead_{number}"] = (
            (-reach, height + sag),
            (-reach * 0.4, height - 0.012),
            (reach * 0.4, height - 0.012),
            (reach, height + sag),
        )
    return folds
