"""data → train one epoch → bundle → evaluate → predict, with nothing but the public commands and names."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fer import Recognizer, load_bundle, read_dataset, read_image
from fer.data.synthetic import draw_scene

Command = Callable[..., subprocess.CompletedProcess[str]]


def _flags(settings: dict[str, str]) -> list[str]:
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


@pytest.mark.fer2013
@pytest.mark.parametrize("recipe", [pytest.param("cnn4-7class", marks=pytest.mark.slow), "compact"])
def test_real_faces_from_zip_to_answer(
    recipe: str, shared_data: Path, tmp_path: Path, fer_command: Command, tiny_settings: dict[str, str]
) -> None:
    """A few hundred real images of FER2013, in a ZIP of the user's own, through the whole path."""
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(shared_data / "fer2013.zip") as source, zipfile.ZipFile(path, "w") as some:
        for name in source.namelist()[::60]:
            some.writestr(name, source.read(name))
        first = next(name for name in source.namelist()[::60] if name.startswith("validation/happy"))
        picture = tmp_path / Path(first).name
        picture.write_bytes(source.read(first))

    settings = {"epochs": "1", "batch_size": "64"} | (tiny_settings if recipe == "compact" else {})
    ferplus = ["--ferplus", str(shared_data / "fer2013new.csv")]
    run = tmp_path / "workspace" / "runs" / "first"
    done = fer_command(
        "train", "--recipe", recipe, "--data", str(path), *ferplus, *_flags(settings), "--run", str(run), folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert fer_command("bundle", "first", "mine", folder=tmp_path).returncode == 0

    evaluated = fer_command(
        "evaluate", "--model", "mine", "--data", str(path), "--split", "val", *ferplus, "--json", folder=tmp_path
    )
    assert evaluated.returncode == 0, evaluated.stderr
    report = json.loads(evaluated.stdout)
    assert report["n"] == sum(read_dataset(path).counts()["val"].values())
    assert set(report["ferplus"]) >= {"n", "accuracy"}
    assert 0 < report["ferplus"]["n"] <= report["n"]

    predicted = fer_command("predict", str(picture), "--no-detect", "--model", "mine", "--json", folder=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    (answer,) = json.loads(predicted.stdout)
    bundle = load_bundle(tmp_path / "models" / "mine")
    (face,) = Recognizer(bundle, None).predict(read_image(picture), whole_image=True)
    assert answer["faces"][0]["probabilities"] == pytest.approx(face.as_dict()["probabilities"], abs=1e-6)


def test_shipped_model_reads_synthetic_faces_and_finds_none_on_a_wall() -> None:
    import numpy as np

    recognizer = Recognizer(detector="haar")
    picture, boxes = draw_scene(seed=1, labels=("happy",))
    (face,) = recognizer.predict(picture)
    assert len(boxes) == 1
    assert sum(face.probabilities) == pytest.approx(1, abs=1e-4)
    assert recognizer.predict(np.full((480, 640, 3), 180, np.uint8)) == ()
