"""What a synthetic face is before it is drawn: action units, looks, pose and light, each a small frozen value.

Expressions follow the prototypes of the Facial Action Coding System (P. Ekman, W. Friesen, J. Hager: Facial Action Coding
System, 2002, and EMFACS): angry 4+5+7+23, disgust 9+15+16, fear 1+2+4+5+20+26, happy 6+12, sad 1+4+15, surprise 1+2+5+26,
contempt 12+14 on one side, neutral none. Units that often come along (parted lips, a raised chin) are drawn in now and then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from fer.labels import canonical_label

Colour = tuple[float, float, float]  # RGB, 0…255


@dataclass(frozen=True, slots=True)
class ActionUnits:
    """Intensities of facial action units, each 0 (at rest) to 1 (as strong as it goes); left and right as seen in the image."""

    au1: float = 0.0  # inner brow raiser
    au2: float = 0.0  # outer brow raiser
    au4: float = 0.0  # brow lowerer
    au5: float = 0.0  # upper lid raiser
    au6: float = 0.0  # cheek raiser
    au7: float = 0.0  # lid tightener
    au9: float = 0.0  # nose wrinkler
    au12_left: float = 0.0  # lip corner puller
    au12_right: float = 0.0
    au14_left: float = 0.0  # dimpler
    au14_right: float = 0.0
    au15: float = 0.0  # lip corner depressor
    au16: float = 0.0  # lower lip depressor
    au17: float = 0.0  # chin raiser
    au20: float = 0.0  # lip stretcher
    au23: float = 0.0  # lip tightener
    au25: float = 0.0  # lips part
    au26: float = 0.0  # jaw drop
    au43: float = 0.0  # eyes closed

    def of_side(self, side: str) -> tuple[float, float]:
        """AU12 and AU14 of the `left` or the `right` side."""
        return (self.au12_left, self.au14_left) if side == "left" else (self.au12_right, self.au14_right)

    def mix(self, other: ActionUnits, share: float) -> ActionUnits:
        """The units between this face (share 0) and another (share 1)."""
        return ActionUnits(*((1 - share) * getattr(self, name) + share * getattr(other, name) for name in UNIT_NAMES))


UNIT_NAMES = tuple(field.name for field in fields(ActionUnits))


@dataclass(frozen=True, slots=True)
class Appearance:
    """Who it is: proportions relative to an average face (1.0) and colours."""

    skin: Colour = (224.0, 178.0, 146.0)
    hair: Colour = (62.0, 42.0, 32.0)
    iris: Colour = (88.0, 58.0, 36.0)
    clothes: Colour = (70.0, 96.0, 122.0)
    hair_style: str = "short"
    hairline: float = 0.0  # crop sides, positive is lower on the forehead
    parting: float = 0.06  # crop sides from the middle
    face_width: float = 1.0
    jaw_width: float = 1.0
    eye_size: float = 1.0
    eye_spacing: float = 1.0
    eye_tilt: float = 0.0  # crop sides by which the outer corner stands higher
    brow_thickness: float = 1.0
    brow_height: float = 0.0  # crop sides, positive is higher
    nose_width: float = 1.0
    mouth_width: float = 1.0
    mouth_curve: float = 0.0  # crop sides by which the corners stand higher at rest
    lip_fullness: float = 1.0
    age: float = 0.2  # 0…1, how much the folds show at rest
    beard: float = 0.0  # 0…1, how dense
    glasses: bool = False


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head points, in degrees, where the eyes look (-1…1), and where the light comes from (-1…1 along x and y)."""

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    light_x: float = -0.35
    light_y: float = -0.4


@dataclass(frozen=True, slots=True)
class FaceParameters:
    """All that is needed to draw one face."""

    units: ActionUnits = ActionUnits()
    appearance: Appearance = Appearance()
    pose: Pose = Pose()


# Light to dark; a face takes a point on the line through them, and a little warmth of its own.
_SKINS: tuple[Colour, ...] = ((246, 213, 190), (233, 190, 160), (214, 164, 128), (180, 126, 90), (136, 90, 62), (96, 62, 44))
_HAIRS: tuple[Colour, ...] = (
    (34, 28, 28),
    (58, 40, 32),
    (96, 62, 40),
    (142, 84, 48),
    (190, 150, 92),
    (120, 50, 34),
)
_IRISES: tuple[Colour, ...] = ((70, 44, 30), (96, 64, 36), (84, 104, 62), (74, 112, 146), (96, 110, 118))
_CLOTHES: tuple[Colour, ...] = (
    (62, 92, 120),
    (150, 82, 76),
    (86, 116, 96),
    (176, 142, 92),
    (104, 88, 128),
    (72, 78, 88),
    (196, 188, 176),
)
HAIR_STYLES = ("short", "long", "fringe", "bun", "curly", "shaved")

# The units of each expression at full strength.
_PROTOTYPES: Mapping[str, Mapping[str, float]] = {
    "angry": {"au4": 1.0, "au5": 0.5, "au7": 0.7, "au23": 0.9},
    "disgust": {"au9": 1.0, "au15": 0.7, "au16": 0.8, "au4": 0.3, "au7": 0.4},
    "fear": {"au1": 0.95, "au2": 0.6, "au4": 0.5, "au5": 0.9, "au20": 0.9, "au26": 0.5, "au25": 0.5},
    "happy": {"au6": 0.9, "au12_left": 1.0, "au12_right": 1.0},
    "sad": {"au1": 0.95, "au4": 0.5, "au15": 1.0},
    "surprise": {"au1": 0.9, "au2": 1.0, "au5": 0.6, "au26": 1.0, "au25": 0.4},
    "neutral": {},
    "contempt": {"au12": 0.75, "au14": 1.0},  # of one side, drawn at random
}
# Units that come along at times: strength at most, and how often.
_COMPANIONS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "angry": {"au25": (0.8, 0.25), "au16": (0.6, 0.25), "au17": (0.6, 0.3), "au9": (0.35, 0.2)},
    "disgust": {"au25": (0.6, 0.4), "au17": (0.7, 0.4)},
    "fear": {},
    "happy": {"au25": (1.0, 0.65), "au26": (0.35, 0.3)},
    "sad": {"au17": (0.8, 0.5), "au43": (0.45, 0.3)},
    "surprise": {},
    "neutral": {"au25": (0.5, 0.15)},
    "contempt": {"au2": (0.35, 0.2), "au43": (0.3, 0.3)},
}


def _between(palette: tuple[Colour, ...], place: float, warmth: float = 0.0) -> Colour:
    """The colour at a place (0…1) on the line through a palette."""
    x = place * (len(palette) - 1)
    low = min(int(x), len(palette) - 2)
    r, g, b = (a + (x - low) * (c - a) for a, c in zip(palette[low], palette[low + 1], strict=True))
    return (r + warmth, g, b - warmth)


def expression_units(rng: np.random.Generator, label: str, *, intensity: float, variation: float = 0.0) -> ActionUnits:
    """Draw the action units of an expression.

    Args:
        rng: source of randomness.
        label: any known spelling of an emotion.
        intensity: 0…1, how strongly it is shown.
        variation: spread of the single units around it, and of units that do not belong to the expression; 0 for none.

    Raises:
        LabelError: the label is unknown.
    """
    label = canonical_label(label)
    draws = rng.random(16).tolist()
    side = "_left" if draws[0] < 0.5 else "_right"
    units = {name + (side if label == "contempt" else ""): intensity * peak for name, peak in _PROTOTYPES[label].items()}
    for number, (name, (peak, chance)) in enumerate(_COMPANIONS[label].items()):
        if draws[2 * number + 1] < chance:
            units[name] = peak * intensity * (0.5 + 0.5 * draws[2 * number + 2])
    if variation:
        # Units at rest twitch less than those in use, and only upwards: a negative intensity has no meaning.
        for name, noise in zip(UNIT_NAMES, rng.normal(0.0, variation, len(UNIT_NAMES)).tolist(), strict=True):
            units[name] = units.get(name, 0.0) + noise * (1.0 if name in units else 0.5)
    return ActionUnits(**{name: min(max(value, 0.0), 1.0) for name, value in units.items()})


def random_appearance(rng: np.random.Generator) -> Appearance:
    """Draw a person."""
    u = rng.random(12).tolist()
    g = (rng.standard_normal(14).clip(-2.2, 2.2)).tolist()
    style = HAIR_STYLES[int(u[0] * len(HAIR_STYLES))]
    age = u[1] ** 3
    return Appearance(
        skin=_between(_SKINS, u[2], 4.0 * g[0]),
        hair=(176.0, 174.0, 172.0) if age > 0.75 else _HAIRS[int(u[3] * len(_HAIRS) * (0.4 if u[2] > 0.5 else 1.0))],
        iris=_IRISES[int(u[4] * len(_IRISES) * (0.4 if u[2] > 0.5 else 1.0))],
        clothes=_CLOTHES[int(u[5] * len(_CLOTHES))],
        hair_style=style,
        hairline=0.018 * g[1],
        parting=0.16 * (u[6] - 0.5),
        face_width=1.0 + 0.035 * g[2],
        jaw_width=1.0 + 0.07 * g[3],
        eye_size=1.0 + 0.06 * g[4],
        eye_spacing=1.0 + 0.03 * g[5],
        eye_tilt=0.005 * g[6],
        brow_thickness=1.0 + 0.2 * g[7],
        brow_height=0.010 * g[8],
        nose_width=1.0 + 0.12 * g[9],
        mouth_width=1.0 + 0.07 * g[10],
        mouth_curve=0.006 * g[11],
        lip_fullness=1.0 + 0.16 * g[12],
        age=age,
        beard=u[7] if style in ("short", "shaved") and u[8] < 0.35 else 0.0,
        glasses=u[9] < 0.1,
    )


def random_pose(rng: np.random.Generator, *, spread: float = 1.0) -> Pose:
    """Draw a head pose, a gaze and a light; `spread` scales the angles (1.0: about 7° roll, 10° yaw, 6° pitch, one deviation)."""
    g = rng.standard_normal(7).clip(-2.2, 2.2).tolist()
    return Pose(
        roll=7.0 * spread * g[0],
        yaw=10.0 * spread * g[1],
        pitch=6.0 * spread * g[2],
        gaze_x=0.35 * g[3],
        gaze_y=0.2 * g[4],
        light_x=0.5 * g[5],
        light_y=-0.35 + 0.25 * g[6],
    )


def expression_parameters(rng: np.random.Generator, label: str, *, intensity: float | None = None) -> FaceParameters:
    """Draw a face of an expression: who, how strongly shown, from where, in which light.

    Args:
        rng: source of randomness; equal states give equal faces.
        label: any known spelling of an emotion.
        intensity: 0…1; drawn between weak and full when not given.

    Raises:
        LabelError: the label is unknown.
    """
    strength = 0.4 + 0.6 * rng.random() if intensity is None else intensity
    units = expression_units(rng, label, intensity=strength, variation=0.1)
    return FaceParameters(units, random_appearance(rng), random_pose(rng))


def closed_eyes(units: ActionUnits, share: float) -> ActionUnits:
    """The same units with the lids closed by a share (0…1), as in a blink."""
    return replace(units, au43=max(units.au43, share))
