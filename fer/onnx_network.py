"""One ONNX file as a function of arrays; the counterpart of `fer/litert.py`.

The YuNet detector and networks of others (`fer.foreign`) run through here.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray


class OnnxNetwork:
    """A network with one float32 input and float32 outputs. A session may be used from any thread.

    Args:
        content: the bytes of an `.onnx` file that holds its weights; what lies in files beside it is not read.
        threads: CPU threads for one call.

    Raises:
        ValueError: the bytes are no ONNX network with one float32 input.
    """

    def __init__(self, content: bytes, *, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # what goes wrong is raised, and need not be printed as well
        # A file may name others that its weights lie in, and they would be read from the working folder.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its kinds of errors share no base but this
            raise ValueError(f"no ONNX network that can be opened ({str(error).strip()[:200]})") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            raise ValueError(f"expected one float32 input, found {[given.type for given in inputs]}")
        self._input = inputs[0].name
        # None where the size is left open: such sides have names instead.
        self.input_shape = tuple(side if isinstance(side, int) else None for side in inputs[0].shape)
        self.output_widths = {
            output.name: math.prod(side for side in output.shape[1:] if isinstance(side, int))
            for output in self._session.get_outputs()
            if output.type == "tensor(float)"
        }

    def run(self, model_input: NDArray[np.float32], outputs: Collection[str] | None = None) -> dict[str, NDArray[np.float32]]:
        """Outputs for an input of exactly this shape, by name; None for all."""
        names = list(self.output_widths if outputs is None else outputs)
        try:
            return dict(zip(names, self._session.run(names, {self._input: model_input}), strict=True))
        except Exception as error:  # as above
            raise RuntimeError(str(error).strip()[:200]) from error

    run_batch = run
