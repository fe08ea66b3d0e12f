"""Kaggle by name; the download is replaced by a local archive."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import kagglehub
import pytest
import requests

from fer.data import read_dataset
from fer.errors import DataError


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """`kaggle(archive)`: the client "downloads" this archive by unpacking it; returns the list of names asked for."""

    def serve(archive: Path) -> list[str]:
        asked: list[str] = []

        def dataset_download(handle: str) -> str:
            asked.append(handle)
            target = tmp_path / "kagglehub" / handle / "versions" / "1"
            with zipfile.ZipFile(archive) as file:
                file.extractall(target)
            return str(target)

        monkeypatch.setattr(kagglehub, "dataset_download", dataset_download)
        return asked

    return serve


def test_download_msambare(kaggle, pack, encode) -> None:
    files = {f"train/happy/Training_{i}.jpg": encode(i) for i in range(3)}
    files |= {
        "test/happy/PublicTest_7.jpg": encode(7),
        "test/sad/PrivateTest_8.jpg": encode(8),
        "train/sad/Training_9.jpg": encode(9),
    }
    asked = kaggle(pack(files, "msambare.zip"))
    steps: list[str] = []
    dataset = read_dataset("kaggle:msambare/fer2013", progress=lambda what, _: steps.append(what))
    assert asked == ["msambare/fer2013"]
    assert dataset.name == "msambare/fer2013"
    assert dataset.counts() == {"train": {"happy": 3, "sad": 1}, "val": {"happy": 1, "sad": 0}, "test": {"happy": 0, "sad": 1}}
    assert steps[0] == "Downloading msambare/fer2013 from Kaggle"


def test_download_jonathanoheix_outer_folder_twice(kaggle, pack, encode) -> None:
    classes = [(split, label) for split in ("train", "validation") for label in ("happy", "sad")]
    tree = {f"images/{split}/{label}/{i}.jpg": encode(10 * k + i) for k, (split, label) in enumerate(classes) for i in range(2)}
    kaggle(pack(tree | {f"images/{name}": data for name, data in tree.items()}, "jonathan.zip"))
    dataset = read_dataset("kaggle:jonathanoheix/face-expression-recognition-dataset")
    assert dataset.counts() == {split: {"happy": 2, "sad": 2} for split in ("train", "val")}


@pytest.mark.parametrize("name", ["", "fer2013", "a/b/c", "../etc", "owner/na me", "owner/../.."])
def test_download_malformed_name(name: str) -> None:
    with pytest.raises(DataError, match="kaggle:owner/name"):
        read_dataset(f"kaggle:{name}")


def test_download_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real client against a proxy that nobody serves."""
    for variable in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"'msambare/fer2013'.*cannot be reached.*download the ZIP in a browser"):
        read_dataset("kaggle:msambare/fer2013")


@pytest.mark.parametrize(
    ("status", "words"), [(404, "no public dataset"), (403, "no public dataset"), (500, "HTTPError: broken")]
)
def test_download_refused(status: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    response = requests.Response()
    response.status_code = status

    def refuse(handle: str) -> str:
        raise requests.HTTPError("broken\n\nmore", response=response)

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(DataError, match=words):
        read_dataset("kaggle:owner/name")


def test_download_says_how_much_has_come(kaggle, pack, encode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fer.data.kaggle._EVERY_S", 0.01)
    kaggle(pack({"happy/1.png": encode(1), "sad/1.png": encode(2)}, "small.zip"))
    fetch, seen = kagglehub.dataset_download, threading.Event()

    def slowly(handle: str) -> str:
        part = tmp_path / "cache" / "datasets" / "owner" / "name" / "1.archive"
        part.parent.mkdir(parents=True)
        part.write_bytes(bytes(3 * 2**20))
        assert seen.wait(10)
        return fetch(handle)

    def watch(what: str, share: float) -> None:
        if "3 MB so far" in what:
            seen.set()

    monkeypatch.setattr(kagglehub, "dataset_download", slowly)
    assert len(read_dataset("kaggle:owner/name", progress=watch)) == 2
    assert seen.is_set()
