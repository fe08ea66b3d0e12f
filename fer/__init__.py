"""Facial expression recognition: from labelled faces to a trained model, and from a picture to an answer for each face.

    from fer import Recognizer, read_image
    for face in Recognizer().predict(read_image("picture.jpg")):
        print(face.label, face.confidence)

Names are loaded when they are first used, so `import fer` is quick; it loads neither TensorFlow nor Streamlit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from fer.version import __version__

if TYPE_CHECKING:
    from fer.bundles import Bundle as Bundle
    from fer.bundles import load_bundle as load_bundle
    from fer.data import Dataset as Dataset
    from fer.data import read_dataset as read_dataset
    from fer.errors import FerError as FerError
    from fer.evaluation import Report as Report
    from fer.evaluation.evaluate import evaluate as evaluate
    from fer.images import read_image as read_image
    from fer.inference import FacePrediction as FacePrediction
    from fer.inference import Recognizer as Recognizer
    from fer.labels import LabelSet as LabelSet
    from fer.recipes import load_recipe as load_recipe
    from fer.training import Run as Run
    from fer.training import start_run as start_run

_HOMES = {
    "Bundle": "fer.bundles",
    "Dataset": "fer.data",
    "FacePrediction": "fer.inference",
    "FerError": "fer.errors",
    "LabelSet": "fer.labels",
    "Recognizer": "fer.inference",
    "Report": "fer.evaluation",
    "Run": "fer.training",
    "evaluate": "fer.evaluation",
    "load_bundle": "fer.bundles",
    "load_recipe": "fer.recipes",
    "read_dataset": "fer.data",
    "read_image": "fer.images",
    "start_run": "fer.training",
}

__all__ = [
    "Bundle",
    "Dataset",
    "FacePrediction",
    "FerError",
    "LabelSet",
    "Recognizer",
    "Report",
    "Run",
    "__version__",
    "evaluate",
    "load_bundle",
    "load_recipe",
    "read_dataset",
    "read_image",
    "start_run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fer' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
