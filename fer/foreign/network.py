"""A network from elsewhere as `Classifier` asks its own: our input in, logits of our head out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fer.errors import BundleError
from fer.foreign.adapter import Adapter
from fer.litert import LiteRtNetwork
from fer.preprocessing import Preprocessing

if TYPE_CHECKING:  # bundles.py reads adapters
    from fer.bundles import Head

# The smallest probability that is told from none: log(0) is no logit.
_LEAST = 1e-30


class Network(Protocol):
    """A network with one float32 input, whatever runs it."""

    input_shape: tuple[int | None, ...]
    output_widths: dict[str, int]

    def run(self, model_input: NDArray[np.float32], outputs: Collection[str] | None = None) -> dict[str, NDArray[np.float32]]: ...

    def run_batch(
        self, model_input: NDArray[np.float32], outputs: Collection[str] | None = None
    ) -> dict[str, NDArray[np.float32]]: ...


def open_network(content: bytes, kind: str, *, threads: int = 1) -> Network:
    """A network of a file's bytes.

    Raises:
        ValueError: the bytes are no network of that kind with one float32 input.
    """
    if kind == "onnx":
        from fer.onnx_network import OnnxNetwork

        return OnnxNetwork(content, threads=threads)
    return LiteRtNetwork(content, threads=threads)


def answer(network: Network, model_input: NDArray[np.float32], output: str) -> NDArray[np.float32]:
    """One output for any number of images, in the network's own layout, float32 (N, K).

    Raises:
        BundleError: the network takes a number of images at once that is neither open nor 1, or cannot be run.
    """
    batch = network.input_shape[0]
    if batch not in (None, 1):
        raise BundleError(f"The network takes {batch} images at once. Expected one, or any number: export it again so.")
    try:
        if batch is None:
            answered = network.run_batch(model_input, (output,))[output]
        else:  # what was exported for one image at a time may have that number in its layers
            rows = [network.run(model_input[row : row + 1], (output,))[output] for row in range(len(model_input))]
            answered = np.concatenate(rows) if rows else np.empty((0, network.output_widths[output]), np.float32)
    except (ValueError, RuntimeError) as error:
        raise BundleError(f"The network cannot be run: {error}") from error
    return answered.reshape(len(model_input), -1)


class AdaptedNetwork:
    """A network from elsewhere behind its adapter, with the interface of `LiteRtNetwork` as far as `Classifier` uses it.

    Args:
        content: the bytes of its file.
        adapter: how it is asked and read.
        preprocessing: what our input has been through; the adapter takes it from there.
        head: what it answers.
        threads: CPU threads for one call.

    Raises:
        ValueError: the bytes are no network that fits.
    """

    def __init__(self, content: bytes, adapter: Adapter, preprocessing: Preprocessing, head: Head, *, threads: int = 1) -> None:
        self._network = open_network(content, adapter.kind, threads=threads)
        self._adapter = adapter
        self._head = head.name
        size, channels = preprocessing.size, preprocessing.channels
        own = (size, size, channels) if adapter.layout == "NHWC" else (channels, size, size)
        shape = self._network.input_shape
        if len(shape) != 4 or any(side not in (None, wanted) for side, wanted in zip(shape[1:], own, strict=True)):
            raise ValueError(f"expected a network that takes {adapter.layout} {own}, found {shape[1:]}")
        if len(adapter.mean) > channels or len(adapter.std) > channels:
            raise ValueError(f"mean and std of {max(len(adapter.mean), len(adapter.std))} channels, for {channels}")
        k = len(head.label_set)
        width = self._network.output_widths.get(adapter.output)
        if width != k and (width, k) != (1, 2):
            raise ValueError(f"the output {adapter.output!r} answers {width} numbers, and {k} classes are named")
        self.input_shape: tuple[int | None, ...] = (None, *preprocessing.input_shape)
        self.output_widths = {head.name: k}

    def run_batch(
        self, model_input: NDArray[np.float32], outputs: Collection[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Logits for a batch of any length N, float32 (N, K), by the head's name; there is no other output."""
        adapter = self._adapter
        x = model_input if adapter.colours == "rgb" else model_input[..., ::-1]
        x = np.divide(x - np.array(adapter.mean, np.float32), np.array(adapter.std, np.float32), dtype=np.float32)
        if adapter.layout == "NCHW":
            x = x.transpose(0, 3, 1, 2)
        return {self._head: to_logits(answer(self._network, np.ascontiguousarray(x), adapter.output), adapter.answers)}


def to_logits(answers: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """What a network answers, float32 (N, K) or (N, 1), as logits (N, K), or (N, 2): their softmax are its probabilities."""
    if kind == "probabilities":
        if answers.shape[1] == 1:
            answers = np.concatenate([1 - answers, answers], axis=1)
        return np.log(np.clip(answers, _LEAST, None))
    return np.concatenate([np.zeros_like(answers), answers], axis=1) if answers.shape[1] == 1 else answers
