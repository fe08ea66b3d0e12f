"""One LiteRT file as a function of arrays, at any batch size and from any thread.

The classifier of a bundle and the networks of the MTCNN detector run through here; nothing else touches an interpreter.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# On a CPU a batch costs what its images cost one by one (0.46 ms each for 0.7 M parameters, from 1 to 64), while another size of
# the input costs an interpreter 3 to 10 ms. So a few sizes are kept ready and every batch is put together from them.
_CHUNK_SIZES = (32, 4, 1)


@dataclass(frozen=True)
class _Ready:
    """An interpreter allocated for one input shape."""

    interpreter: Any
    input_index: int
    output_indices: dict[str, int]


class LiteRtNetwork:
    """A network with one float32 input and named float32 outputs.

    An interpreter is not thread-safe and is slow to resize: one is kept for each input shape met lately, behind one lock.

    Args:
        content: the bytes of a `.tflite` file.
        threads: CPU threads for one call.
        keep: how many input shapes to keep ready.

    Raises:
        ValueError: the bytes are no LiteRT network with one float32 input.
    """

    def __init__(self, content: bytes, *, threads: int = 1, keep: int = 4) -> None:
        self.content = content
        self._threads = threads
        self._keep = keep
        self._lock = threading.Lock()
        self._ready: OrderedDict[tuple[int, ...], _Ready] = OrderedDict()

        interpreter = self._interpreter()
        inputs = interpreter.get_input_details()
        if len(inputs) != 1 or inputs[0]["dtype"] is not np.float32:
            raise ValueError(f"expected one float32 input, found {[str(details['dtype']) for details in inputs]}")
        outputs = _named_outputs(interpreter)
        # None where the size is left open.
        self.input_shape = tuple(int(side) if side > 0 else None for side in inputs[0]["shape_signature"])
        self._output_shapes = {name: tuple(map(int, details["shape_signature"][1:])) for name, details in outputs.items()}
        self.output_widths = {name: shape[-1] for name, shape in self._output_shapes.items()}

    def run(self, model_input: NDArray[np.float32], outputs: Collection[str] | None = None) -> dict[str, NDArray[np.float32]]:
        """Outputs for an input of exactly this shape, by name; None for all."""
        with self._lock:
            ready = self._ready_for(model_input.shape)
            ready.interpreter.set_tensor(ready.input_index, model_input)
            ready.interpreter.invoke()
            wanted = ready.output_indices if outputs is None else outputs
            return {name: ready.interpreter.get_tensor(ready.output_indices[name]) for name in wanted}

    def run_batch(
        self, model_input: NDArray[np.float32], outputs: Collection[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Outputs for a batch of any length N, float32 (N, …), by name; None for all. N may be 0."""
        n = len(model_input)
        wanted = self._output_shapes if outputs is None else outputs
        if n == 0:
            return {name: np.empty((0, *self._output_shapes[name]), np.float32) for name in wanted}
        parts: list[dict[str, NDArray[np.float32]]] = []
        start = 0
        while start < n:
            size = next(size for size in _CHUNK_SIZES if size <= n - start)
            parts.append(self.run(model_input[start : start + size], wanted))
            start += size
        return {name: np.concatenate([part[name] for part in parts]) for name in wanted}

    def _ready_for(self, shape: tuple[int, ...]) -> _Ready:
        if shape in self._ready:
            self._ready.move_to_end(shape)
            return self._ready[shape]
        interpreter = self._interpreter()
        input_index = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(input_index, shape)
        interpreter.allocate_tensors()
        outputs = {name: details["index"] for name, details in _named_outputs(interpreter).items()}
        ready = self._ready[shape] = _Ready(interpreter, input_index, outputs)
        if len(self._ready) > self._keep:
            self._ready.popitem(last=False)
        return ready

    def _interpreter(self) -> Any:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_content=self.content, num_threads=self._threads)


def constant_vectors(content: bytes) -> list[NDArray[np.float32]]:
    """The vectors among a network's weights: biases, with the shifts of normalised layers in them; float32 (n,) each, n over 1.

    Raises:
        ValueError: the bytes are no LiteRT network.
    """
    return [values for values in _constants(content, 1) if len(values) > 1]


def constant_matrices(content: bytes) -> list[NDArray[np.float32]]:
    """The matrices among a network's weights, one of every dense layer; float32 (units, inputs) each, 8 bits scaled back.

    Raises:
        ValueError: the bytes are no LiteRT network.
    """
    return list(_constants(content, 2))


def _constants(content: bytes, dimensions: int) -> Iterator[NDArray[np.float32]]:
    """The weights of so many dimensions, kept as float32 or as 8 bits with a scale for all or one a unit."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    for details in interpreter.get_tensor_details():
        scales = details["quantization_parameters"]["scales"]
        if len(details["shape"]) != dimensions or details["dtype"] not in (np.float32, np.int8):
            continue
        # What is computed only when the network runs has no content yet.
        with suppress(ValueError):
            values = interpreter.get_tensor(details["index"])
            if values.dtype == np.int8:
                values = values * scales.reshape(-1, *[1] * (dimensions - 1))
            yield values.astype(np.float32)


def _named_outputs(interpreter: Any) -> dict[str, Any]:
    """Output details by the names that the network was exported with.

    The order of `get_output_details` is the converter's whim; only the signature says which output is which.
    """
    signatures = list(interpreter.get_signature_list())
    if signatures:
        details: dict[str, Any] = interpreter.get_signature_runner(signatures[0]).get_output_details()
        return details
    return {details["name"]: details for details in interpreter.get_output_details()}
