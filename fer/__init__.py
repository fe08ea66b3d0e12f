"""Facial expression recognition: from labelled faces to a trained model, and from a picture to an answer for each face."""

__version__ = "0.1.0"
