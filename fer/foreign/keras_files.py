"""Keras files, those of strangers and those in bundles: looked into before Keras opens them, because they may hold a program.

A Lambda layer holds Python's byte code; `module` and `registered_name` in a `.keras` file name what to import; HDF5 may point to
other files of the machine. So a file is opened only if all that it names is on the lists below, which hold what a network for
pictures is made of. Keras' own safe mode (refuse Lambda) is on as well. Runs in a process of its own, as it needs TensorFlow.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fer.errors import BundleError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# The largest network that is offered here takes 0.6 GB; a description of layers, less than a megabyte.
MAX_WEIGHTS_BYTES = 2**30
MAX_CONFIG_BYTES = 16 * 2**20

MODELS = frozenset({"Functional", "Sequential", "Model"})
# fmt: off
LAYERS = frozenset(
    {
        "InputLayer", "Dense", "Activation", "Flatten", "Reshape", "Permute", "RepeatVector", "EinsumDense",
        "Conv1D", "Conv2D", "Convolution2D", "DepthwiseConv2D", "SeparableConv2D", "SeparableConvolution2D",
        "Conv2DTranspose",
        "MaxPooling2D", "MaxPool2D", "AveragePooling2D", "AvgPool2D", "GlobalAveragePooling2D", "GlobalAvgPool2D",
        "GlobalMaxPooling2D", "GlobalMaxPool2D",
        "ZeroPadding2D", "Cropping2D", "UpSampling2D",
        "BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "LayerNormalization",
        "GroupNormalization", "UnitNormalization",
        "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
        "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax",
        "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "MultiHeadAttention",
        "Attention",
        "Rescaling", "Normalization", "Resizing", "CenterCrop", "RandomFlip", "RandomRotation", "RandomZoom",
        "RandomTranslation", "RandomContrast", "RandomBrightness", "RandomCrop", "RandomShear", "RandomErasing",
        # Of ConvNeXt and Inception-ResNet in keras.applications.
        "LayerScale", "CustomScaleLayer",
    }
)
# What stands in the graph for a line such as `x / 255.0`: arithmetic on tensors, and nothing else.
OPERATIONS = frozenset(
    {
        "TrueDivide", "Divide", "Negative", "Absolute", "Power", "Square", "Sqrt", "Rsqrt", "Exp", "Log", "Clip", "Cast",
        "Mean", "Max", "Min", "Sum", "Var", "Std", "Matmul", "Einsum", "Transpose", "Squeeze", "ExpandDims", "Stack", "Flip",
        "GetItem", "Relu", "Relu6", "Sigmoid", "HardSigmoid", "Silu", "HardSilu", "Gelu", "Tanh", "Resize", "RGBToGrayscale",
    }
)
PARTS = frozenset(
    {
        "Zeros", "Ones", "Constant", "Identity", "RandomNormal", "RandomUniform", "TruncatedNormal",
        "VarianceScaling", "Orthogonal",
        "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal",
        "L1", "L2", "L1L2", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm", "DTypePolicy", "Policy",
        "__keras_tensor__", "__tensor__", "__tuple__", "__slice__", "__ellipsis__",
    }
)
# fmt: on
# Where a class may come from. Those of private packages change names from version to version; what counts is the class.
_PACKAGES = ("keras", "tensorflow.keras", "tf_keras", "tensorflow.python.keras")


def load_keras_file(path: Path) -> Any:
    """The Keras model of a stranger's file, not compiled.

    Args:
        path: a `.keras` or HDF5 file.

    Raises:
        BundleError: it holds something that could run a program, or Keras cannot open it.
    """
    require_safe(path)
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what a damaged or old file makes Keras raise is of every kind
        if "OOM" in str(error) or isinstance(error, MemoryError):
            raise BundleError(f"{path.name} describes a network that needs more memory than there is for it here.") from error
        raise BundleError(f"Keras {keras.__version__} cannot open {path.name}: {_first_lines(error)}") from error


def require_safe(path: Path) -> None:
    """Refuse a Keras file in which something could run a program, read other files or fill the memory.

    Raises:
        BundleError: it is such a file, or none that holds a whole model.
    """
    # By its name, as Keras tells: one file can be both, and what is looked into must be what is opened.
    is_zip = path.name.endswith(".keras") and zipfile.is_zipfile(path)
    config = _config_of_zip(path) if is_zip else _config_of_hdf5(path)
    unknown = sorted(set(_foreign_names(_described(config, path))))
    if unknown:
        raise BundleError(
            f"{path.name} holds what is not opened here: {', '.join(unknown[:5])}. Lambda layers and classes of somebody's own "
            "are programs, and would run on this machine. Export the model without them, or as TensorFlow Lite or ONNX."
        )


def _config_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist() if not member.is_dir()}
            others = sorted(set(sizes) - {CONFIG, METADATA, WEIGHTS})
            if others or len(sizes) != len(archive.infolist()) or len(sizes) != 3:
                told = f"also {', '.join(others[:3])}" if others else f"only {', '.join(sizes) or 'nothing'}"
                raise BundleError(
                    f"Expected a Keras file of {CONFIG}, {METADATA} and {WEIGHTS}. {path.name} holds {told}. Save the model "
                    "again with Keras."
                )
            if sizes[CONFIG] > MAX_CONFIG_BYTES or sizes[WEIGHTS] > MAX_WEIGHTS_BYTES:
                raise BundleError(_too_large(path, max(sizes.values())))
            # zipfile stops at the size that a member declares, so what lies about its size is damaged, not large.
            text = archive.read(CONFIG).decode("utf-8")
            with archive.open(WEIGHTS) as weights:
                _require_plain_hdf5(weights, path)
            return text
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise BundleError(f"{path.name} is damaged: {error}") from error


def _config_of_hdf5(path: Path) -> str:
    import h5py

    with path.open("rb") as file:
        _require_plain_hdf5(file, path)
    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
    if text is None:
        raise BundleError(f"{path.name} holds weights alone. Expected a whole model: save it with model.save(…) instead.")
    return text.decode("utf-8") if isinstance(text, bytes) else str(text)


def _require_plain_hdf5(file: Any, path: Path) -> None:
    """Refuse HDF5 that points to other files, or declares more than a network may weigh, packed or not."""
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            sizes = list(_dataset_sizes(opened, path))
    except (OSError, RuntimeError, KeyError) as error:
        raise BundleError(f"{path.name} is no Keras file, or is damaged: {error}") from error
    if sum(sizes) > MAX_WEIGHTS_BYTES:
        raise BundleError(_too_large(path, sum(sizes)))


def _dataset_sizes(group: Any, path: Path) -> Iterator[int]:
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise BundleError(f"{path.name} points to other places ({name}). Weights must lie in the file itself.")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _dataset_sizes(item, path)
        elif item.is_virtual or item.external:
            raise BundleError(f"{path.name} keeps weights in other files ({name}). They must lie in the file itself.")
        else:
            yield int(item.nbytes)


def _described(config: str, path: Path) -> Any:
    try:
        described = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"The description of the layers in {path.name} is no JSON: {error}") from error
    if not isinstance(described, dict) or described.get("class_name") not in MODELS:
        found = described.get("class_name") if isinstance(described, dict) else type(described).__name__
        raise BundleError(
            f"Expected a model made of Keras' own layers ({', '.join(sorted(MODELS))}). {path.name} holds {found!r}: a class of "
            "somebody's own is a program, and is not opened here."
        )
    return {key: value for key, value in described.items() if key != "compile_config"}  # what is loaded here is not compiled


def _foreign_names(node: Any) -> Iterator[str]:
    """What a description names that is not on the lists: classes, and the places that they are taken from."""
    if isinstance(node, list):
        for item in node:
            yield from _foreign_names(item)
    elif isinstance(node, dict):
        if "class_name" in node:
            name = node["class_name"]
            if not isinstance(name, str) or name not in MODELS | LAYERS | OPERATIONS | PARTS:
                yield str(name)[:60]
            module, registered = node.get("module"), node.get("registered_name")
            if module is not None and not _is_of_keras(module):
                yield f"{str(module)[:60]}.{str(name)[:60]}"
            if registered not in (None, name):
                yield str(registered)[:60]
        for value in node.values():
            yield from _foreign_names(value)


def _is_of_keras(module: object) -> bool:
    return isinstance(module, str) and any(module == package or module.startswith(f"{package}.") for package in _PACKAGES)


def _too_large(path: Path, size: int) -> str:
    return f"{path.name} unpacks to {size / 2**30:.1f} GB. Up to {MAX_WEIGHTS_BYTES / 2**30:g} GB are taken in."


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
