"""Class activation maps: what each position of a face says for each class, from the network's own last features.

A head behind global average pooling answers with a weighted sum of features averaged over positions; the same weights at one
position say what that position adds (Zhou et al. 2016, arXiv:1512.04150). Nothing is computed twice: the features are an output
of the pass that answers (`fer.networks.served_network`), and the weights are constants of the same file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer.evaluation.calibration import softmax
from fer.litert import constant_matrices

# Share of the answers' spread that the weights may leave unexplained: 8-bit sums leave 0.02 on noise, other weights about 1.
_UNEXPLAINED = 0.1


def find_head_weights(content: bytes, features: NDArray[np.float32], logits: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The weights that make a head's logits of averaged features, found among a network's constants.

    A converted file names its tensors as it likes, so they are known by what they do: logits less weighted features are the same,
    the bias, for whatever pictures.

    Args:
        content: bytes of the `.litert` file.
        features: float32 (P, h, w, F) of a few pictures, the more unlike each other the better.
        logits: float32 (P, K) of the same pictures.

    Returns:
        float32 (K, F); None where the head is no single dense layer on averaged features.
    """
    pooled = features.mean(axis=(1, 2))
    classes, spread = logits.shape[1], logits.std(axis=0).max()
    for matrix in constant_matrices(content):
        if matrix.shape == (1, pooled.shape[1]) and classes == 2:
            matrix = np.concatenate([np.zeros_like(matrix), matrix])  # one unit for two classes, see `build_network`
        if matrix.shape != (classes, pooled.shape[1]):
            continue
        if (logits - pooled @ matrix.T).std(axis=0).max() < _UNEXPLAINED * spread:
            return matrix
    return None


def activation_maps(
    features: NDArray[np.float32], weights: NDArray[np.float32], logits: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What speaks for each class rather than for the others, position by position.

    The weights of the other classes, each as probable as it is beside them, are taken from those of the class. Probabilities say
    nothing of what all logits have in common, so neither should the map: on 118 faces of FER2013, the area between insertion and
    deletion (`fer.explain.belief`) is .44 with it, and .39 with the weights of the class alone.

    Args:
        features: float32 (N, h, w, F).
        weights: float32 (K, F), as `find_head_weights` gives them.
        logits: float32 (N, K), divided by the temperature.

    Returns:
        float32 (N, h, w, K). Its mean over positions is, but for the biases, the class's logit less the mean of the others'.
    """
    classes = logits.shape[1]
    scores = features @ weights.T
    others = softmax(np.where(np.eye(classes, dtype=bool), -np.inf, logits[:, None, :]))  # (N, K, K), diagonals 0
    maps: NDArray[np.float32] = scores - np.einsum("nhwk,nck->nhwc", scores, others)
    return maps
