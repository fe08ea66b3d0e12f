"""Calibration: one temperature a head, so that of the answers given with 70 % about 70 % are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Wider than any sane network needs; the search is a halving of this range in the logarithm.
_LOWEST, _HIGHEST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Probabilities of logits, float32 of the same shape (…, K), rows summing to 1."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float32] = (shifted / shifted.sum(axis=-1, keepdims=True)).astype(np.float32)
    return probabilities


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.floating]) -> float:
    """The temperature under which the targets are the least surprising (Guo et al. 2017, arXiv:1706.04599).

    Args:
        logits: (N, K) of images that were not trained on.
        targets: (N, K) rows summing to 1: one-hot labels, or shares of votes.

    Returns:
        T between 0.05 and 20; probabilities are softmax(logits / T). Cross-entropy has one minimum in T, found by golden section.
    """
    wide = logits.astype(np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = wide / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(-(targets * (scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))).sum(axis=1).mean())

    low, high = np.log(_LOWEST), np.log(_HIGHEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cross_entropy(left), cross_entropy(right)
    for _ in range(40):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cross_entropy(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cross_entropy(right)
    return float(np.exp((low + high) / 2))
