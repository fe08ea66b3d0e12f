"""Bundle → files for other runtimes: Keras, LiteRT in three widths, ONNX, SavedModel.

Every export is a folder: the network, a card of what must be done to a face before and to the logits after, and a README with a
program that does it. Nothing leaves before its answers were held against the original's, face by face. Converting needs
TensorFlow, so it runs in a process of its own: `python -m fer export MODEL --format onnx --to FOLDER`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer.bundles import Bundle
from fer.bundling import convert_to_litert, served_model
from fer.data import Dataset
from fer.errors import BundleError, SettingsError
from fer.evaluation.calibration import softmax
from fer.files import replacing_folder, write_json
from fer.litert import LiteRtNetwork
from fer.words import percent

CARD_FILE = "export.json"
FACES = 64

Logits = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class ExportFormat:
    """A kind of file that a model can be exported as.

    Args:
        title: for people.
        file: what the network is called in the export's folder.
        tolerance: how far a probability may be from the original's, which is in float32 whatever is served. Float32 computes the
            same in another order of additions, halved weights keep three digits, and rounded to 8 bits single faces move by some
            points; more is another network.
        packages: what its user installs.
        program: how a batch `x` becomes `logits`, a dictionary by head; lines of Python for the README.
    """

    title: str
    file: str
    tolerance: float
    packages: str
    program: str


_LITERT = """from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("{file}")
runner = interpreter.get_signature_runner()
logits = runner(model_input=x)"""

FORMATS: Mapping[str, ExportFormat] = {
    "onnx": ExportFormat(
        "ONNX",
        "model.onnx",
        1e-4,
        "onnxruntime",
        """import onnxruntime

session = onnxruntime.InferenceSession("{file}")
names = [output.name for output in session.get_outputs()]
logits = dict(zip(names, session.run(names, {{"model_input": x}})))""",
    ),
    "litert": ExportFormat("LiteRT (TensorFlow Lite), 32-bit", "model.tflite", 1e-4, "ai-edge-litert", _LITERT),
    "litert-float16": ExportFormat("LiteRT, 16-bit weights", "model.tflite", 1e-2, "ai-edge-litert", _LITERT),
    "litert-int8": ExportFormat("LiteRT, 8-bit", "model.tflite", 0.15, "ai-edge-litert", _LITERT),
    "keras": ExportFormat(
        "Keras",
        "model.keras",
        1e-4,
        "tensorflow",
        """import keras

logits = {{name: answer.numpy() for name, answer in keras.models.load_model("{file}")(x).items()}}""",
    ),
    "savedmodel": ExportFormat(
        "TensorFlow SavedModel",
        "saved_model",
        1e-4,
        "tensorflow",
        """import tensorflow as tf

network = tf.saved_model.load("{file}")
logits = {{name: answer.numpy() for name, answer in network.serve(x).items()}}""",
    ),
}


def export_bundle(
    bundle: Bundle,
    format_name: str,
    target: str | Path,
    faces: Dataset,
    *,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Write a model for another runtime, if it answers there as it does here.

    Args:
        bundle: the model.
        format_name: a key of `FORMATS`.
        target: a new folder, or an empty one.
        faces: images to hold the answers against each other on; 64 of them are taken, spread over the whole.
        progress: called with what is being done and the share of it that is, 0…1.

    Returns:
        The export's card, as it stands in the folder.

    Raises:
        SettingsError: the format is unknown.
        BundleError: the folder holds something or cannot be written, the model does not convert, or it answers otherwise there.
    """
    if format_name not in FORMATS:
        raise SettingsError(f"Unknown format {format_name!r}. Known: {', '.join(FORMATS)}")
    if bundle.is_foreign:
        raise BundleError(f"{bundle.name} was made elsewhere, and its own file is the best export. `fer models pack` packs it.")
    target = Path(target)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BundleError(f"Expected a new folder for the export. {target} holds something already: name another one.")
    say = progress or (lambda what, share: None)
    kind = FORMATS[format_name]
    try:
        with replacing_folder(target, overwrite=False) as building:
            say(f"Converting to {kind.title}", 0.1)
            _convert(bundle, format_name, building / kind.file)
            say("Comparing its answers", 0.7)
            card = _card(bundle, format_name, _agreement(bundle, format_name, building / kind.file, faces))
            write_json(building / CARD_FILE, card)
            (building / "README.md").write_text(_readme(card), encoding="utf-8")
    except OSError as error:
        raise BundleError(f"Cannot write the export to {target}: {error.strerror or error}.") from error
    say("Done", 1.0)
    return card


def _convert(bundle: Bundle, format_name: str, path: Path) -> None:
    if format_name == "keras":  # the very file; it answers one view, and the card says so where the bundle answers two
        shutil.copyfile(bundle.keras_path, path)
        return
    model = served_model(bundle)
    if format_name.startswith("litert"):
        path.write_bytes(convert_to_litert(model, weights=format_name.partition("-")[2] or "float32"))
        return
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras exports only what was called before
    try:
        model.export(path, format="onnx" if format_name == "onnx" else "tf_saved_model", verbose=False)
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise BundleError(f"{bundle.name} does not convert to {FORMATS[format_name].title}: {error}") from error


def _agreement(bundle: Bundle, format_name: str, path: Path, faces: Dataset) -> dict[str, Any]:
    """How far the exported network's answers on faces are from those of the network as it was trained, in 32 bits.

    Raises:
        BundleError: further than the format explains.
    """
    preprocessing = bundle.preprocessing
    rows = np.unique(np.linspace(0, len(faces) - 1, min(FACES, len(faces))).astype(int))
    x = preprocessing.normalise(faces.images.batch(rows, preprocessing.size, preprocessing.channels))
    ours = {name: np.asarray(logits) for name, logits in served_model(bundle)(x).items()}
    theirs = _run(format_name, path, x)
    if format_name == "keras" and _mirrors(bundle):
        turned = _run(format_name, path, x[:, :, ::-1])
        theirs = {name: (logits + turned[name]) / np.float32(2) for name, logits in theirs.items()}
    outputs = [head.name for head in bundle.heads] + (["face"] if bundle.face else [])
    gap = max(float(np.abs(softmax(ours[name]) - softmax(theirs[name])).max()) for name in outputs)
    head = bundle.default_head.name
    same = float((ours[head].argmax(axis=1) == theirs[head].argmax(axis=1)).mean())
    allowed = FORMATS[format_name].tolerance
    if not gap <= allowed:  # NaN is no agreement
        raise BundleError(
            f"As {FORMATS[format_name].title}, {bundle.name} answers otherwise: a probability differs by {gap:.2g} on "
            f"{len(rows)} faces, and {allowed:g} can be explained. Nothing was exported."
        )
    return {"faces": len(rows), "dataset": faces.name, "largest_difference": gap, "same_answer": same, "allowed": allowed}


def _run(format_name: str, path: Path, x: NDArray[np.float32]) -> Logits:
    """Logits of the exported network, by output: computed by the runtime that its user would take."""
    if format_name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {"model_input": x}), strict=True))
    if format_name.startswith("litert"):
        return LiteRtNetwork(path.read_bytes()).run_batch(x)
    if format_name == "keras":
        import keras

        return {name: np.asarray(logits) for name, logits in keras.models.load_model(path, compile=False)(x).items()}
    import tensorflow as tf

    network = tf.saved_model.load(str(path))  # kept by its name: its variables go with it
    return {name: logits.numpy() for name, logits in network.serve(x).items()}


def _mirrors(bundle: Bundle) -> bool:
    return bool(bundle.card["settings"]["serving"]["mirror"])


def _card(bundle: Bundle, format_name: str, agreement: Mapping[str, Any]) -> dict[str, Any]:
    preprocessing = bundle.preprocessing
    offset, divisor = preprocessing.offset_and_divisor
    return {
        "name": bundle.name,
        "format": format_name,
        "file": FORMATS[format_name].file,
        "bundle_sha256": bundle.sha256,
        "input": {
            "name": "model_input",
            "shape": [None, *preprocessing.input_shape],
            "dtype": "float32",
            "colour": "grey (luma)" if preprocessing.channels == 1 else "RGB",
            "equalise": preprocessing.equalise,
            "offset": offset,
            "divisor": divisor,
            "crop": bundle.card["crop"],
        },
        "outputs": {head.name: {"labels": list(head.label_set), "temperature": head.temperature} for head in bundle.heads},
        "default_output": bundle.default_head.name,
        "face": bundle.card.get("face") and {key: bundle.card["face"][key] for key in ("temperature", "threshold")},
        "answers_one_view_of_two": format_name == "keras" and _mirrors(bundle),
        "agreement": dict(agreement),
        "licence": bundle.card["licence"],
        "limits": bundle.card["limits"],
    }


def _readme(card: Mapping[str, Any]) -> str:
    """The card for people, with a program that needs nothing of ours."""
    kind = FORMATS[card["format"]]
    given, agreement = card["input"], card["agreement"]
    size, channels = given["shape"][1], given["shape"][3]
    read = "cv2.IMREAD_GRAYSCALE" if channels == 1 else "cv2.IMREAD_COLOR_RGB"
    notes: list[str] = []
    if given["equalise"] != "none":
        notes.append(f"The histogram is equalised first ({given['equalise']}); the program leaves that out.")
    if card["answers_one_view_of_two"]:
        notes.append("The bundle answers with the mean for a face and its mirror image; this file answers one view.")
    told = (
        f"On {agreement['faces']} faces of {agreement['dataset']} no probability differed from the original's by more than "
        f"{agreement['largest_difference']:.1g}; {percent(agreement['same_answer'])} of the answers were the same."
    )
    runtime, lines = kind.program.format(file=card["file"]).split("\n\n", 1)
    return f"""# {card["name"]}, as {kind.title}

`{card["file"]}` takes faces as float32 (N, {size}, {size}, {channels}), {given["colour"]}, scaled as
(pixel - {given["offset"]:g}) / {given["divisor"]:g}, and answers with logits. {given["crop"]}
{" ".join(notes)}

```python
# pip install numpy opencv-python-headless {kind.packages}
import json

import cv2
import numpy as np
{runtime}

card = json.load(open("{CARD_FILE}", encoding="utf-8"))
face = cv2.resize(cv2.imread("face.png", {read}), ({size}, {size}), interpolation=cv2.INTER_AREA)
x = (face.reshape(1, {size}, {size}, {channels}).astype("float32") - card["input"]["offset"]) / card["input"]["divisor"]
{lines}
output = card["outputs"][card["default_output"]]
scaled = logits[card["default_output"]][0] / output["temperature"]
probabilities = np.exp(scaled - scaled.max())
probabilities /= probabilities.sum()
print(dict(zip(output["labels"], probabilities.round(3).tolist())))
```

{told}

{card["licence"]} What it reads is the apparent expression of a face, not what a person feels.
"""
