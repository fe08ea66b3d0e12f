"""AffectNet: images and their annotations, joined by number."""

from __future__ import annotations

import io

import numpy as np
import pytest

from fer.data import read_dataset
from fer.data.dataset import FileStore
from fer.errors import DataError
from fer.labels import FER8


def _annotation(value: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(value))
    return buffer.getvalue()


def _affectnet(encode, above: str = "", **values: object) -> dict[str, bytes]:
    """`_affectnet(encode, i17=3)`: image 17 with expression 3, beside the other annotations that AffectNet ships."""
    files: dict[str, bytes] = {}
    for key, value in values.items():
        number = key[1:]
        files[f"{above}images/{number}.jpg"] = encode(int(number), size=(150, 150), mode="RGB", kind="JPEG")
        files[f"{above}annotations/{number}_exp.npy"] = _annotation(value)
        files[f"{above}annotations/{number}_val.npy"] = _annotation("0.25")
    return files


@pytest.mark.parametrize("packing", ["affectnet", "affectnet.zip", "affectnet.tar"])
def test_read_annotations_labels_and_splits(packing, pack, encode) -> None:
    order = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
    files = _affectnet(encode, "train_set/", **{f"i{i}": str(i) for i in range(8)}) | _affectnet(encode, "val_set/", i3="1")
    dataset = read_dataset(pack(files, packing))
    labels = dict(zip(dataset.names.tolist(), dataset.label_set.decode(dataset.label_ids), strict=True))
    assert labels == {f"train_set/images/{i}.jpg": label for i, label in enumerate(order)} | {"val_set/images/3.jpg": "happy"}
    assert dataset.label_set == FER8
    assert dataset.counts()["val"]["happy"] == 1
    assert isinstance(dataset.images, FileStore)
    assert dataset.images[0].shape == (150, 150, 3)
    assert dataset.problems == ()


def test_read_annotations_without_split_and_with_numbers(pack, encode) -> None:
    dataset = read_dataset(pack(_affectnet(encode, i1=4, i2=np.int64(6)), "affectnet"))
    assert dataset.counts() == {"": {"angry": 1, "fear": 1}}


def test_read_annotations_lists_what_does_not_fit(pack, encode) -> None:
    files = _affectnet(encode, i1="1", i2="8", i3="2", i4="x", i5="3")
    del files["images/3.jpg"], files["annotations/5_exp.npy"]
    files["annotations/1_lnd.npy"] = b"not read"
    dataset = read_dataset(pack(files, "affectnet"))
    assert dataset.names.tolist() == ["images/1.jpg"]
    assert {problem.name: problem.reason.split()[0] for problem in dataset.problems} == {
        "annotations/2_exp.npy": "expression",
        "annotations/3_exp.npy": "has",
        "annotations/4_exp.npy": "is",
        "images/5.jpg": "has",
    }


def test_read_annotations_never_unpickles(pack, encode) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    files = _affectnet(encode, i1="1") | {"images/2.jpg": encode(2), "annotations/2_exp.npy": buffer.getvalue()}
    assert [problem.name for problem in read_dataset(pack(files, "affectnet")).problems] == ["annotations/2_exp.npy"]


def test_read_annotations_nothing_usable(pack, encode) -> None:
    with pytest.raises(DataError, match="None of the 0"):
        read_dataset(pack(_affectnet(encode, i1="9"), "affectnet"))
