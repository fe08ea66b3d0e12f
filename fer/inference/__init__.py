"""Inference: from pictures and face crops to expressions, with a bundle on LiteRT."""

from __future__ import annotations

from fer.inference.classifier import Classifier
from fer.inference.recognizer import FacePrediction, Recognizer

__all__ = ["Classifier", "FacePrediction", "Recognizer"]
