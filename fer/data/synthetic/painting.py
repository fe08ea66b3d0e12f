"""Pixels of a synthetic face: shapes are filled flat from back to front, then one shade map gives the head volume.

The shade map is a weighted sum of soft blobs fixed to the face (eye sockets, nose, cheeks, folds, the side away from the light)
and moves with the head. `dataset.py` and `scenes.py` frame the result.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.synthetic.attire import back_hair_shapes, body_shapes, glasses_shapes, hair_shapes
from fer.data.synthetic.curves import XY, project
from fer.data.synthetic.geometry import EYE_X, EYE_Y
from fer.data.synthetic.parameters import FaceParameters, Pose
from fer.data.synthetic.shapes import Shape, Sketch, face_shapes

SUPERSAMPLING = 2  # canvases are this much larger than the picture they become
_SUBPIXEL_BITS = 4
_SHADE_SIDE, _SHADE_REACH = 64, 0.8  # the shade map's side in pixels, and how far it reaches from the middle in crop sides


def paint_face(canvas: NDArray[np.uint8], parameters: FaceParameters, scale: float, centre_xy: XY, *, detail: bool) -> None:
    """Fill all shapes of a face whose shoulders turn with the head, in place, without shading; arguments as in `fill_shapes`."""
    sketch = Sketch.of(parameters, detail=detail)
    shapes = back_hair_shapes(sketch) + body_shapes(sketch) + face_shapes(sketch) + hair_shapes(sketch) + glasses_shapes(sketch)
    fill_shapes(canvas, shapes, parameters.pose, scale, centre_xy)


def paint_person(image: NDArray[np.uint8], parameters: FaceParameters, crop_side: float, centre_xy: XY) -> None:
    """Paint a person with hair, neck and shoulders into an image, in place.

    Args:
        image: uint8 RGB (H, W, 3).
        parameters: who, and with which expression.
        crop_side: side in pixels of the square that FER2013 would cut around the face.
        centre_xy: middle of that square in pixels.
    """
    height, width = image.shape[:2]
    layer = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING, 4), np.uint8)
    scale, centre = crop_side * SUPERSAMPLING, (centre_xy[0] * SUPERSAMPLING, centre_xy[1] * SUPERSAMPLING)
    sketch, pose = Sketch.of(parameters, detail=True), parameters.pose
    fill_shapes(layer, back_hair_shapes(sketch), pose, scale, centre)
    # The shoulders stay behind when the head turns.
    fill_shapes(layer, body_shapes(sketch), Pose(roll=0.15 * pose.roll), scale, centre)
    fill_shapes(layer, face_shapes(sketch) + hair_shapes(sketch) + glasses_shapes(sketch), pose, scale, centre)
    _shade_head(layer, parameters, scale, centre)
    layer = np.asarray(cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    cover = layer[..., 3:].astype(np.float32) / 255.0
    image[:] = np.minimum(image * (1 - cover) + layer[..., :3] + 0.5, 255.0)


def _shade_head(layer: NDArray[np.uint8], parameters: FaceParameters, scale: float, centre_xy: XY) -> None:
    """Multiply the colours of a layer, uint8 (H, W, 4), by the shade map where the head is, in place."""
    x, y = centre_xy
    left, top = max(int(x - scale), 0), max(int(y - scale), 0)
    head = layer[top : max(int(y + scale), 0), left : max(int(x + scale), 0), :3]
    if head.size:
        shade = shade_map(parameters, (head.shape[1], head.shape[0]), scale, (x - left, y - top))
        # Shadow on skin is warm: red fades later than blue.
        head[:] = np.minimum(head * np.stack([0.92 * shade + 0.08, shade, 1.06 * shade - 0.06], axis=2), 255.0)


def fill_shapes(canvas: NDArray[np.uint8], shapes: list[Shape], pose: Pose, scale: float, centre_xy: XY) -> None:
    """Fill shapes with their colours, in place.

    Args:
        canvas: uint8 RGB (H, W, 3); or (H, W), which takes the colours' luma (ITU-R BT.601); or (H, W, 4), where, starting from
            zeros, the fourth channel collects the coverage by which the colours are then multiplied.
        shapes: back to front.
        pose: turns them.
        scale: one side of the face crop, in pixels.
        centre_xy: where the crop's middle comes to lie, in pixels; (0, 0) is the corner of the first pixel.
    """
    if not shapes:
        return
    points = project(np.concatenate([shape.points for shape in shapes]), pose) * scale + np.array(centre_xy)
    # OpenCV counts from the middle of a pixel, we from its corner.
    fixed = np.rint((points - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    start = 0
    for shape in shapes:
        end = start + len(shape.points)
        r, g, b = shape.colour
        colour = (0.299 * r + 0.587 * g + 0.114 * b,) if canvas.ndim == 2 else (r, g, b, 255.0)
        cv2.fillPoly(canvas, [fixed[start:end]], colour, cv2.LINE_AA, _SUBPIXEL_BITS)
        start = end


def shade_map(parameters: FaceParameters, size_wh: tuple[int, int], scale: float, centre_xy: XY) -> NDArray[np.float32]:
    """How light each pixel of a canvas is, float32 (H, W), around 1, and 1 away from the head; arguments as in `fill_shapes`."""
    shade = (1 + np.array(_shade_weights(parameters), np.float32) @ _shade_maps()).reshape(_SHADE_SIDE, _SHADE_SIDE)
    anchors = np.array([(-EYE_X, EYE_Y), (EYE_X, EYE_Y), (0.0, 0.3)])
    on_map = (anchors + _SHADE_REACH) / (2 * _SHADE_REACH) * _SHADE_SIDE - 0.5
    on_canvas = project(anchors, parameters.pose) * scale + np.array(centre_xy) - 0.5
    matrix = cv2.getAffineTransform(on_map.astype(np.float32), on_canvas.astype(np.float32))
    return np.asarray(cv2.warpAffine(shade, matrix, size_wh, borderMode=cv2.BORDER_CONSTANT, borderValue=1.0), np.float32)


def _shade_weights(parameters: FaceParameters) -> list[float]:
    """How strong each of `_shade_maps` is in a face."""
    units, looks, pose = parameters.units, parameters.appearance, parameters.pose
    smile = 0.5 * (units.au12_left + units.au12_right)
    fold = 0.04 + 0.10 * units.au9 + 0.06 * looks.age
    return [
        0.20,  # rim
        0.17 * pose.light_x,
        0.15 * pose.light_y,
        0.22 + 0.08 * units.au4 + 0.05 * looks.age + 0.03 * units.au5,  # eye sockets
        0.14,  # ridge of the nose
        0.22,  # under the nose
        0.11 + 0.08 * max(units.au6, smile),  # cheekbones
        0.13 + 0.08 * units.au17,  # under the lip
        0.07,  # forehead
        0.16 * units.au4 + 0.10 * units.au9,  # frown
        fold + 0.12 * units.au12_left,  # nasolabial folds
        fold + 0.12 * units.au12_right,
    ]


@lru_cache(maxsize=1)
def _shade_maps() -> NDArray[np.float32]:
    """Soft blobs fixed to the face, float32 (12, side²): what each adds to the brightness at weight 1."""
    axis = (np.arange(_SHADE_SIDE) + 0.5) / _SHADE_SIDE * 2 * _SHADE_REACH - _SHADE_REACH
    x, y = np.meshgrid(axis, axis)

    def blob(cx: float, cy: float, sx: float, sy: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-(((x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2))

    def pair(cx: float, cy: float, sx: float, sy: float) -> NDArray[np.float64]:
        return blob(cx, cy, sx, sy) + blob(-cx, cy, sx, sy)

    def fold(s: float) -> NDArray[np.float64]:
        steps = np.linspace(0, 1, 7)
        return np.asarray(np.sum([blob(s * (0.085 + 0.085 * t), 0.10 + 0.15 * t, 0.03, 0.045) for t in steps], axis=0) / 2.2)

    # Everything fades out at the rim of the map, so that no edge shows on what lies behind the head.
    window = np.clip((0.78 - np.hypot(x, 0.95 * y)) / 0.12, 0, 1)
    radius = np.hypot(x / 0.42, (y + 0.06) / 0.58)
    maps = [
        0.12 - np.clip(radius, 0, 1.15) ** 4,  # the head turns away from the eye towards its rim
        np.clip(x / 0.40, -1.1, 1.1)
        + 0.9 * (blob(0.05, 0.02, 0.028, 0.12) - blob(-0.05, 0.02, 0.028, 0.12)),  # light on the right
        np.clip(y / 0.55, -1, 1),  # light from below
        -pair(0.175, EYE_Y - 0.018, 0.105, 0.058) - 0.5 * pair(0.085, EYE_Y - 0.008, 0.035, 0.05),  # eye sockets
        blob(0, -0.02, 0.028, 0.13) + 0.8 * blob(0, 0.075, 0.035, 0.03),  # ridge and tip of the nose
        -blob(0, 0.135, 0.085, 0.025),  # under the nose
        pair(0.215, 0.055, 0.085, 0.07),  # cheekbones
        -blob(0, 0.335, 0.085, 0.022) + 0.6 * blob(0, 0.425, 0.08, 0.05),  # under the lip, and the chin
        blob(0, -0.33, 0.20, 0.09),  # forehead
        -blob(0, -0.205, 0.055, 0.06),  # frown
        -fold(-1.0),  # nasolabial folds
        -fold(1.0),
    ]
    return np.stack([(m * window).ravel() for m in maps]).astype(np.float32)
