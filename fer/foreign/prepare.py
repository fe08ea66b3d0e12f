"""A stranger's model file → a network that this project runs, and what can be said of it without knowing who made it.

Runs in a process of its own (`python -m fer models inspect FILE --to FOLDER`): Keras files need TensorFlow, and a file that was
made to crash what opens it takes this process down, and not the app.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fer.bundles import AGREEMENT, file_sha256
from fer.errors import BundleError
from fer.evaluation.calibration import softmax
from fer.files import replacing_folder, write_json
from fer.foreign.network import Network, answer, open_network, to_logits
from fer.preprocessing import SIZES

FACTS_FILE = "facts.json"
SUFFIXES = (".keras", ".h5", ".hdf5", ".tflite", ".onnx")
_KERAS, _TFLITE, _ONNX = "Keras", "TensorFlow Lite", "ONNX"
# Pictures that the network is tried on; what it answers says whether these are probabilities.
_TRIED = 8
# Side of the pictures where the network takes any.
_ANY_SIZE = 64
# Memory that looking into a file may take: VGG16 with its top, 0.6 GB of weights, takes 6 GB until it is converted.
_MOST_MEMORY = 12 * 2**30


@dataclass(frozen=True)
class NetworkFacts:
    """What a model file says of itself.

    Args:
        file: its name.
        sha256: of its bytes.
        format: `Keras`, `TensorFlow Lite` or `ONNX`.
        kind: what it is run as, see `Adapter.kind`.
        layout: `NHWC` or `NCHW`.
        size: side of its pictures in pixels; None where it takes any.
        channels: 1 or 3.
        outputs: how many numbers each output answers, by its name.
        answers: whether these look like `probabilities` or `logits`, by the output's name.
        parameters: how many weights; None where the format does not tell.
        keras_gap: how far answers of the converted network are from those in Keras; None where nothing was converted.
    """

    file: str
    sha256: str
    format: str
    kind: str
    layout: str
    size: int | None
    channels: int
    outputs: Mapping[str, int]
    answers: Mapping[str, str]
    parameters: int | None = None
    keras_gap: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def read_facts(folder: Path) -> NetworkFacts:
    """What `prepare_network` has left in a folder."""
    return NetworkFacts(**json.loads((folder / FACTS_FILE).read_text(encoding="utf-8")))


def prepare_network(file: str | Path, folder: Path) -> NetworkFacts:
    """Look into a model file, convert it where needed, and try it.

    Args:
        file: Keras (`.keras`, `.h5`), TensorFlow Lite or ONNX; what it is, is told by its content.
        folder: a new one, for the network (`model.litert` or `model.onnx`) and `facts.json`.

    Raises:
        BundleError: the file is none of these or could run a program, or the network takes no square pictures.
    """
    file = Path(file)
    try:
        with replacing_folder(folder, overwrite=False) as building:
            facts = _prepare(file, building)
            write_json(building / FACTS_FILE, facts.as_dict())
    except OSError as error:
        raise BundleError(f"Cannot take in {file.name}: {error.strerror or error}.") from error
    return facts


def limit_memory() -> None:
    """Let this process have no more memory than a model may need, and than is free, where the system can see to that.

    A file of a kilobyte may describe a layer of many gigabytes, and Keras makes it before it looks at the weights.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    most, (_, hardest) = min(_MOST_MEMORY, psutil.virtual_memory().available), resource.getrlimit(resource.RLIMIT_DATA)
    if hardest == resource.RLIM_INFINITY or hardest > most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (most, hardest))


def _prepare(file: Path, folder: Path) -> NetworkFacts:
    format_name = _format_of(file)
    kind = "onnx" if format_name == _ONNX else "litert"
    parameters = gap = None
    if format_name == _KERAS:
        parameters, gap = _convert_keras(file, folder / "model.litert")
    else:
        shutil.copyfile(file, folder / f"model.{kind}")
    network = _opened(folder / f"model.{kind}", kind, file.name)
    layout, size, channels = _input_of(network.input_shape, file.name)
    outputs = {name: width for name, width in network.output_widths.items() if width >= 1}
    return NetworkFacts(
        file=file.name,
        sha256=file_sha256(file),
        format=format_name,
        kind=kind,
        layout=layout,
        size=size,
        channels=channels,
        outputs=outputs,
        answers={name: _kind_of_answers(network, layout, size or _ANY_SIZE, channels, name) for name in outputs},
        parameters=parameters,
        keras_gap=gap,
    )


def _format_of(file: Path) -> str:
    """By the first bytes: a name proves nothing.

    Raises:
        BundleError: it is none of the three.
    """
    with file.open("rb") as opened:
        head = opened.read(8)
    if head == b"\x89HDF\r\n\x1a\n" or (head.startswith(b"PK") and _holds_keras(file)):
        return _KERAS
    if head[4:8] == b"TFL3":
        return _TFLITE
    if head.startswith((b"\x80", b"PK")):  # pickle's mark, and the ZIP around it that PyTorch writes
        raise BundleError(
            f"{file.name} is a pickle, as PyTorch and scikit-learn write them: opening one runs what it says. Export the model "
            "as ONNX (in PyTorch: torch.onnx.export) and take that in."
        )
    if file.suffix.lower() == ".onnx":
        return _ONNX
    raise BundleError(f"{file.name} is no model file that is known here. Expected Keras (.keras, .h5), .tflite or .onnx.")


def _holds_keras(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "config.json" in archive.namelist()
    except zipfile.BadZipFile:
        return file.suffix.lower() == ".keras"  # whose reader says what is wrong with it


def _convert_keras(file: Path, target: Path) -> tuple[int, float]:
    """The Keras file as LiteRT; its number of weights, and how far the answers of the two are from each other."""
    from fer.bundling import convert_to_litert
    from fer.foreign.keras_files import load_keras_file, require_safe
    from fer.litert import LiteRtNetwork

    require_safe(file)  # before TensorFlow is loaded, which takes seconds
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from fer.training.worker import prepare_keras

    prepare_keras(Path(os.devnull))
    model = load_keras_file(file)
    if len(model.inputs) != 1:
        raise BundleError(f"{file.name} takes {len(model.inputs)} inputs. Expected one: pictures.")
    _, size, channels = _input_of(model.inputs[0].shape, file.name)
    try:
        content = convert_to_litert(model)
    except Exception as error:  # the converter's own kinds, without a base
        raise BundleError(f"{file.name} does not convert to LiteRT: {' '.join(str(error).split())[:300]}") from error
    target.write_bytes(content)
    x = _noise((_TRIED, size or _ANY_SIZE, size or _ANY_SIZE, channels))
    theirs = model(x, training=False)
    answers = list(theirs.values()) if isinstance(theirs, dict) else theirs if isinstance(theirs, list | tuple) else [theirs]
    found = [_probabilities(answered) for answered in LiteRtNetwork(content).run_batch(x).values()]
    # Names and order of outputs may change on the way; of the pairings, the nearest is the right one.
    gap = max(
        min((float(np.abs(mine - yours).max()) for mine in found if mine.shape == yours.shape), default=np.inf)
        for yours in (_probabilities(np.asarray(answered)) for answered in answers)
    )
    if not gap <= AGREEMENT["float32"]:
        raise BundleError(f"{file.name} answers otherwise as LiteRT: a probability differs by {gap:.2g}. It was not taken in.")
    return int(model.count_params()), gap


def _probabilities(answers: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = answers.reshape(len(answers), -1)
    return softmax(to_logits(rows, _looks_like(rows)))


def _opened(path: Path, kind: str, name: str) -> Network:
    try:
        return open_network(path.read_bytes(), kind)
    except ValueError as error:
        raise BundleError(f"{name} cannot be used: {error}.") from error


def _input_of(shape: tuple[int | None, ...], name: str) -> tuple[str, int | None, int]:
    """Layout, size and channels of what a network takes."""
    told = f"{name} takes an input of shape {tuple('any' if side is None else side for side in shape)}."
    expected = "Expected square pictures: (any, side, side, 1 or 3), or with the channels first."
    if len(shape) != 4 or shape[0] not in (None, 1):
        raise BundleError(f"{told} {expected}")
    layout = "NHWC" if shape[3] in (1, 3) else "NCHW"
    height, width, channels = shape[1:] if layout == "NHWC" else (*shape[2:], shape[1])
    if channels not in (1, 3) or height != width:
        raise BundleError(f"{told} {expected}")
    if height is not None and not SIZES[0] <= height <= SIZES[1]:
        raise BundleError(f"{told} Pictures of {SIZES[0]} to {SIZES[1]} pixels a side are given here.")
    return layout, height, channels


def _kind_of_answers(network: Network, layout: str, size: int, channels: int, output: str) -> str:
    """What the numbers look like on pictures of noise, scaled in two ways: logits leave the range from 0 to 1."""
    x = _noise((_TRIED, size, size, channels) if layout == "NHWC" else (_TRIED, channels, size, size))
    x[::2] *= 255
    return _looks_like(answer(network, x, output))


def _looks_like(answers: NDArray[np.float32]) -> str:
    return "probabilities" if bool((answers >= -1e-6).all() and (answers <= 1 + 1e-6).all()) else "logits"


def _noise(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(0).random(shape, np.float32)
