"""Synthetic faces: parametric drawings that follow facial action units, so that every page and test works without any data.

A dataset of small ones, a scene of large ones, a clip of a moving one, all from seeds and nothing from disk. They are drawings:
what a network scores on them says nothing about photographs. The folder reads in this order: `parameters.py` (who, which
expression, from where) → `geometry.py`, `curves.py` (lines) → `shapes.py`, `attire.py` (fillings) → `painting.py` (pixels) →
`dataset.py`, `scenes.py`.
"""

from fer.data.synthetic.dataset import draw_face, synthetic_dataset
from fer.data.synthetic.parameters import ActionUnits, Appearance, FaceParameters, Pose, expression_parameters
from fer.data.synthetic.scenes import clip_frames, draw_scene, write_clip

__all__ = [
    "ActionUnits",
    "Appearance",
    "FaceParameters",
    "Pose",
    "clip_frames",
    "draw_face",
    "draw_scene",
    "expression_parameters",
    "synthetic_dataset",
    "write_clip",
]
