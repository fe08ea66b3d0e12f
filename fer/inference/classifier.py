"""`Classifier`: face crops in, probabilities out; a bundle's network on LiteRT, without TensorFlow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer.bundles import Bundle, Head
from fer.errors import BundleError
from fer.evaluation.calibration import softmax
from fer.foreign.network import AdaptedNetwork
from fer.inference.activation import activation_maps, find_head_weights
from fer.litert import LiteRtNetwork

# Pixels are scaled to float32 a block at a time, so that a large batch costs little memory beyond itself.
_BLOCK = 256
_MEND = "Make the bundle again."
# The output that a bundle's face test reads, as `fer/training/prepare.py` names it: logits of "not a face" and "face".
_FACE_OUTPUT, _FACE_LOGITS = "face", 2
_FEATURES_OUTPUT = "features"


@dataclass(frozen=True, eq=False)
class Examination:
    """All that a bundle's network says of N images.

    Args:
        logits: float32 (N, K) of each head, by its name.
        face_probability: float32 (N,) in [0, 1], to be held against `bundle.face.threshold`; None where there is no face test.
        quarters: float32 (N, 4, F), what `Classifier.embeddings` says of whole images, of each of their quarters by itself: brows
            and mouth apart. None where the network does not give embeddings.
    """

    logits: dict[str, NDArray[np.float32]]
    face_probability: NDArray[np.float32] | None
    quarters: NDArray[np.float32] | None


class Answering(Protocol):
    """What an evaluation asks of a model; `Classifier` documents both."""

    def predict_heads(self, batch: NDArray[np.uint8], heads: Iterable[str | None]) -> dict[str, NDArray[np.float32]]: ...

    def predict_inputs(self, model_input: NDArray[np.float32], head: str | None = None) -> NDArray[np.float32]: ...


class Classifier:
    """The network of a bundle, with the bundle's own preprocessing, label sets and temperatures. May be used from any thread.

    Args:
        bundle: as `load_bundle` gives it.
        threads: CPU threads for one call; a second one is worth 1.5 to 2 times the speed.

    Raises:
        BundleError: the network cannot be read, or its inputs and outputs are not those of the card.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        self.bundle = bundle
        self._weights: dict[str, NDArray[np.float32] | None] = {}
        try:
            self._network = _open_network(bundle, threads)
        except (OSError, ValueError) as error:
            raise BundleError(f"The network of the model {bundle.name!r} cannot be read: {error}. {_MEND}") from error
        expected = (None, *bundle.preprocessing.input_shape)
        if self._network.input_shape != expected:
            raise BundleError(f"The model {bundle.name!r} takes {self._network.input_shape}, its card says {expected}. {_MEND}")
        for head in bundle.heads:
            if self._network.output_widths.get(head.name) != len(head.label_set):
                raise BundleError(
                    f"The card of the model {bundle.name!r} has a head {head.name!r} of {len(head.label_set)} classes; "
                    f"its network has {self._network.output_widths}. {_MEND}"
                )
        if bundle.face and self._network.output_widths.get(_FACE_OUTPUT) != _FACE_LOGITS:
            raise BundleError(
                f"The card of the model {bundle.name!r} has a face test, which reads an output {_FACE_OUTPUT!r} of "
                f"{_FACE_LOGITS} logits; its network has {self._network.output_widths}. {_MEND}"
            )

    def predict_crops(self, face_crops: Sequence[NDArray[np.uint8]], head: str | None = None) -> NDArray[np.float32]:
        """Probabilities of face crops of any size.

        Args:
            face_crops: N images, each uint8 RGB (H, W, 3).
            head: name of the head that answers; None for the bundle's default.

        Returns:
            float32 (N, K), rows sum to 1, in the order of the head's label set.

        Raises:
            ImageError: a crop is no uint8 image.
            BundleError: there is no such head.
        """
        y_prob, _ = self.predict_faces(face_crops, head)
        return y_prob

    def predict_faces(
        self, face_crops: Sequence[NDArray[np.uint8]], head: str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Probabilities of face crops, and how probable it is that each shows a face at all, in one pass of the network.

        Takes and raises what `predict_crops` does.

        Returns:
            float32 (N, K), as of `predict_crops`; and float32 (N,) in [0, 1], to be held against `bundle.face.threshold`, or None
            where the bundle has no face test.
        """
        return self._probabilities(self._logits(self.bundle.preprocessing.prepare(face_crops)), self._head(head))

    def explain_faces(
        self, face_crops: Sequence[NDArray[np.uint8]], head: str | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.float32]]:
        """What `predict_faces` says, and from the same pass of the network where in the face it was seen.

        Returns:
            as of `predict_faces`; and float32 (N, h, w, K), what each position of the face says for each class rather than for
            the others (`fer.inference.activation`).

        Raises:
            ImageError: a crop is no uint8 image.
            BundleError: there is no such head, or no such map of it (`has_maps`).
        """
        answering = self._head(head)
        weights = self._map_weights(answering.name)
        if weights is None:
            raise BundleError(
                f"The model {self.bundle.name!r} has no activation map: its file does not give the network's features, or its "
                "answer is no sum over them. Use 'occlusion', which asks any model. If the file is of an older version, "
                "`python -m fer models renew NAME` makes it again with them."
            )
        answers = self._logits(self.bundle.preprocessing.prepare(face_crops), with_features=True)
        maps = activation_maps(answers[_FEATURES_OUTPUT], weights, answers[answering.name] / np.float32(answering.temperature))
        return *self._probabilities(answers, answering), maps

    def has_maps(self, head: str | None = None) -> bool:
        """Whether `explain_faces` can say where a head saw what.

        Raises:
            BundleError: there is no such head.
        """
        return self._map_weights(self._head(head).name) is not None

    def predict_batch(self, batch: NDArray[np.uint8], head: str | None = None) -> NDArray[np.float32]:
        """Probabilities of images that have the network's size; as `predict_crops`.

        Args:
            batch: uint8 (N, size, size, channels).
        """
        (y_prob,) = self.predict_heads(batch, (head,)).values()
        return y_prob

    def predict_heads(self, batch: NDArray[np.uint8], heads: Iterable[str | None]) -> dict[str, NDArray[np.float32]]:
        """Probabilities of several heads, by their names, at the cost of one: the network answers for all in one pass."""
        answering = [self._head(head) for head in heads]
        logits = self._logits(batch)
        return {head.name: _calibrated(logits[head.name], head.temperature) for head in answering}

    def predict_inputs(self, model_input: NDArray[np.float32], head: str | None = None) -> NDArray[np.float32]:
        """Probabilities of what has been scaled already, in whatever way; as `predict_crops`.

        Only for checks of the scaling itself: everything else leaves the scaling to the bundle.

        Args:
            model_input: float32 (N, size, size, channels).
        """
        answering = self._head(head)
        logits = self._network.run_batch(model_input, (answering.name,))[answering.name]
        return _calibrated(logits, answering.temperature)

    def logits(self, batch: NDArray[np.uint8], head: str | None = None) -> NDArray[np.float32]:
        """What the network answers before the temperature and the softmax.

        Args:
            batch: uint8 (N, size, size, channels).
            head: as for `predict_crops`.

        Returns:
            float32 (N, K).

        Raises:
            ImageError: the batch has another dtype or shape.
            BundleError: there is no such head.
        """
        name = self._head(head).name
        return self._logits(batch)[name]

    def embeddings(self, batch: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """What the trunk sees in images, a vector each, from which the heads take their answers.

        Args:
            batch: uint8 (N, size, size, channels).

        Returns:
            float32 (N, F): near for faces that look alike to the network. None where the bundle's network does not give them.

        Raises:
            ImageError: the batch has another dtype or shape.
        """
        if _FEATURES_OUTPUT not in self._network.output_widths:
            return None
        blocks = [answer[_FEATURES_OUTPUT].mean(axis=(1, 2)) for answer in self._answers(batch, (_FEATURES_OUTPUT,))]
        return np.concatenate(blocks)

    def examine(self, batches: Iterable[NDArray[np.uint8]]) -> Examination:
        """Logits of every head, the face test and the embeddings of images, at the cost of the dearest.

        Args:
            batches: at least one, each uint8 (n, size, size, channels), so that a large dataset need not be in memory at once.

        Returns:
            of the N images of all batches, in their order.

        Raises:
            ImageError: a batch has another dtype or shape.
        """
        face, has_features = self.bundle.face, _FEATURES_OUTPUT in self._network.output_widths
        heads = [head.name for head in self.bundle.heads]
        outputs = [*heads, *[_FACE_OUTPUT] * (face is not None), *[_FEATURES_OUTPUT] * has_features]
        blocks: dict[str, list[NDArray[np.float32]]] = {output: [] for output in outputs}
        for answer in chain.from_iterable(self._answers(batch, outputs) for batch in batches):
            for output in outputs:
                # Features are averaged block by block: those of a whole dataset would take gigabytes.
                blocks[output].append(_quarters(answer[output]) if output == _FEATURES_OUTPUT else answer[output])
        whole = {output: np.concatenate(parts) for output, parts in blocks.items()}
        return Examination(
            logits={name: whole[name] for name in heads},
            face_probability=None if face is None else _calibrated(whole[_FACE_OUTPUT], face.temperature)[:, 1],
            quarters=whole.get(_FEATURES_OUTPUT),
        )

    def milliseconds_a_face(self, rounds: int = 100) -> float:
        """What one face costs here and now, preprocessing left out: the median of single calls, in milliseconds."""
        face = np.zeros((1, *self.bundle.preprocessing.input_shape), np.uint8)
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            self._logits(face)
            seconds.append(time.perf_counter() - start)
        return 1000 * statistics.median(seconds)

    def _logits(self, batch: NDArray[np.uint8], *, with_features: bool = False) -> dict[str, NDArray[np.float32]]:
        """Logits of every head, by its name, and of the face test where the bundle has one; the features if asked for."""
        outputs = [head.name for head in self.bundle.heads] + [_FACE_OUTPUT] * (self.bundle.face is not None)
        outputs += [_FEATURES_OUTPUT] * with_features
        answers = list(self._answers(batch, outputs))
        return {output: np.concatenate([answer[output] for answer in answers]) for output in outputs}

    def _probabilities(
        self, logits: Mapping[str, NDArray[np.float32]], head: Head
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        face = self.bundle.face
        y_prob = _calibrated(logits[head.name], head.temperature)
        return y_prob, None if face is None else _calibrated(logits[_FACE_OUTPUT], face.temperature)[:, 1]

    def _map_weights(self, head: str) -> NDArray[np.float32] | None:
        """The weights of a head on the features, found once; None where there are none."""
        if head not in self._weights:
            found = None
            if isinstance(self._network, LiteRtNetwork) and _FEATURES_OUTPUT in self._network.output_widths:
                probe = np.random.default_rng(0).integers(0, 256, (4, *self.bundle.preprocessing.input_shape), np.uint8)
                answers = self._logits(probe, with_features=True)
                found = find_head_weights(self._network.content, answers[_FEATURES_OUTPUT], answers[head])
            self._weights[head] = found
        return self._weights[head]

    def _answers(self, batch: NDArray[np.uint8], outputs: Sequence[str]) -> Iterator[dict[str, NDArray[np.float32]]]:
        """What the network answers, block by block."""
        # At least one block, so that an empty or misshapen batch meets the same checks.
        for start in range(0, max(len(batch), 1), _BLOCK):
            yield self._network.run_batch(self.bundle.preprocessing.normalise(batch[start : start + _BLOCK]), outputs)

    def _head(self, name: str | None) -> Head:
        return self.bundle.default_head if name is None else self.bundle.head(name)


def _open_network(bundle: Bundle, threads: int) -> LiteRtNetwork | AdaptedNetwork:
    content = bundle.network_path.read_bytes()
    if bundle.adapter is None:
        return LiteRtNetwork(content, threads=threads)
    return AdaptedNetwork(content, bundle.adapter, bundle.preprocessing, bundle.default_head, threads=threads)


def _quarters(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features (N, H, W, F) averaged over each quarter, (N, 4, F), row by row; a middle row or column counts to both sides."""
    halves = [(slice(0, -(-side // 2)), slice(side // 2, None)) for side in features.shape[1:3]]
    return np.stack([features[:, rows, columns].mean(axis=(1, 2)) for rows in halves[0] for columns in halves[1]], axis=1)


def _calibrated(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    return softmax(logits / np.float32(temperature))
