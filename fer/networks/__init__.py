"""Architectures: one file each, all with the same two parts, a settings dataclass and a `features` function.

A network is built from a trunk (`features`: model input → feature vector) and one dense head a label set, which answers *logits*;
probabilities are made in one place, the classifier, where a head's calibration is known. Everything here is Keras 3 without
a call to any one backend, so the same file trains on TensorFlow, JAX and PyTorch.
"""

from fer.networks.registry import (
    ARCHITECTURES,
    FEATURES,
    NetworkSettings,
    build_network,
    count_multiply_adds,
    log_odds_heads,
    served_network,
)

__all__ = [
    "ARCHITECTURES",
    "FEATURES",
    "NetworkSettings",
    "build_network",
    "count_multiply_adds",
    "log_odds_heads",
    "served_network",
]
