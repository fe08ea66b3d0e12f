"""What is done to bundles as folders: whole or not at all, and nothing is lost by a wrong name or a bad file."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import (
    DEFAULT_MODEL,
    FILES,
    SUMS,
    default_model,
    default_model_file,
    file_sha256,
    list_bundles,
    load_bundle,
)
from fer.errors import BundleError, SettingsError
from fer.model_folder import delete_bundle, import_bundle, pack_bundle, rename_bundle, set_default_model
from fer.workspace import models_dir


@pytest.fixture
def models(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with two bundles, in a workspace of its own."""
    folder = tmp_path / "models"
    for name in (DEFAULT_MODEL, "mine"):
        shutil.copytree(tiny_bundle, folder / name)
    monkeypatch.setenv("FER_MODELS", str(folder))
    monkeypatch.setenv("FER_WORKSPACE", str(tmp_path / "workspace"))
    return folder


def packed(*names: str, folder: str = "mine/", change: str = "") -> io.BytesIO:
    """A ZIP file with these files of the bundle `mine`; a byte is added to the one that is to be changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(folder + name, (models_dir() / "mine" / name).read_bytes() + (b" " if name == change else b""))
    buffer.seek(0)
    return buffer


def test_default_model_is_the_chosen_one_as_long_as_it_is_there(models: Path) -> None:
    assert default_model() == DEFAULT_MODEL
    set_default_model("mine")
    assert (default_model(), list_bundles()) == ("mine", ["mine", DEFAULT_MODEL])
    delete_bundle("mine")
    assert (default_model(), list_bundles()) == (DEFAULT_MODEL, [DEFAULT_MODEL])
    default_model_file().write_bytes(b"\xff\xfe")  # damaged
    assert default_model() == DEFAULT_MODEL


@pytest.mark.parametrize("change", [set_default_model, delete_bundle, lambda name: rename_bundle(name, "other")])
def test_a_model_that_is_not_there_is_refused(models: Path, change: object) -> None:
    with pytest.raises(BundleError, match=r"No model 'gone'\. There are: flagship, mine"):
        change("gone")  # type: ignore[operator]


def test_rename_bundle_renames_folder_card_and_default(models: Path) -> None:
    set_default_model("mine")
    bundle = rename_bundle("mine", "yours")
    assert (bundle.name, bundle.card["name"], default_model()) == ("yours", "yours", "yours")
    assert (models / "yours" / "README.md").read_text().startswith("# yours\n")
    assert sorted(path.name for path in models.iterdir()) == [DEFAULT_MODEL, "yours"]


def test_rename_bundle_refuses_a_name_that_is_taken_or_no_folders(models: Path) -> None:
    with pytest.raises(BundleError, match="exists already"):
        rename_bundle("mine", DEFAULT_MODEL)
    with pytest.raises(SettingsError, match="letters, digits"):
        rename_bundle("mine", "../mine")
    assert list_bundles() == [DEFAULT_MODEL, "mine"]


def test_import_bundle_takes_in_what_pack_bundle_wrote(models: Path, tmp_path: Path) -> None:
    before = load_bundle("mine").sha256
    file = pack_bundle(load_bundle("mine"), tmp_path / "out" / "mine.zip")
    with pytest.raises(BundleError, match=r"exists already\. Take this one in under another name"):
        import_bundle(file)
    delete_bundle("mine")
    assert import_bundle(file).sha256 == before
    assert import_bundle(file, "again").name == "again"
    assert sorted(path.name for path in models.iterdir()) == ["again", DEFAULT_MODEL, "mine"]


def test_import_bundle_finds_the_model_in_any_one_folder_and_passes_over_the_rest(models: Path) -> None:
    buffer = packed(*FILES, SUMS, folder="deep/er/mine/")
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("../../evil.txt", "climbs")
        archive.writestr("__MACOSX/._card.json", "litter")
    assert import_bundle(buffer, "deeper").sha256 == load_bundle("mine").sha256
    assert sorted(path.name for path in (models / "deeper").iterdir()) == sorted((*FILES, SUMS))
    assert not (models.parent / "evil.txt").exists()


def test_import_bundle_refuses_what_is_no_model_and_leaves_nothing(models: Path) -> None:
    cases = [
        (io.BytesIO(b"no archive"), "no ZIP file of a model"),
        (packed("card.json"), "with one model in it"),
        (packed("card.json", SUMS), "lacks model.litert"),
        (packed(*FILES, SUMS, change="model.litert"), "was changed"),
        (packed(*FILES, SUMS, change="card.json"), "was changed"),
    ]
    for file, words in cases:
        with pytest.raises(BundleError, match=words):
            import_bundle(file, "new")
    assert sorted(path.name for path in models.iterdir()) == [DEFAULT_MODEL, "mine"]


def test_import_bundle_refuses_one_that_would_fill_the_disk(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer.model_folder.MAX_BUNDLE_BYTES", 1000)
    with pytest.raises(BundleError, match="is larger than"):
        import_bundle(packed(*FILES, SUMS), "new")


def test_import_bundle_wants_a_name_where_the_files_lie_in_no_folder(models: Path) -> None:
    with pytest.raises(SettingsError, match="the model has no name"):
        import_bundle(packed(*FILES, SUMS, folder=""))
    assert import_bundle(packed(*FILES, SUMS, folder=""), "named").name == "named"
    assert import_bundle(packed(*FILES, SUMS, folder="backup/theirs/")).name == "theirs"


def test_import_bundle_says_in_words_what_is_wrong_with_a_damaged_or_locked_file(models: Path, tmp_path: Path) -> None:
    whole = pack_bundle(load_bundle("mine"), tmp_path / "mine.zip").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(40):  # most of them in the packed bytes, which zlib then cannot unpack
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(60, len(damaged), 20)] ^= rng.integers(1, 256, 20).astype(np.uint8)
        with pytest.raises(BundleError):
            import_bundle(io.BytesIO(damaged.tobytes()), "new")
    locked = bytearray(whole)
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(mark), whole):
            locked[found.start() + flags] |= 1
    with pytest.raises(BundleError, match="encrypted"):
        import_bundle(io.BytesIO(bytes(locked)), "new")
    with pytest.raises(BundleError, match="There is no file"):
        import_bundle(tmp_path / "gone.zip")
    assert sorted(path.name for path in models.iterdir()) == [DEFAULT_MODEL, "mine"]


@pytest.mark.parametrize("lacking", ["created", "licence", "training"])
def test_import_bundle_refuses_a_card_that_pages_cannot_show(models: Path, lacking: str) -> None:
    mine = models / "mine"
    card = json.loads((mine / "card.json").read_text())
    del card[lacking]
    (mine / "card.json").write_text(json.dumps(card))
    (mine / SUMS).write_text("".join(f"{file_sha256(mine / file)}  {file}\n" for file in FILES))
    with pytest.raises(BundleError, match=f"does not make sense: KeyError.'{lacking}'"):
        import_bundle(packed(*FILES, SUMS), "new")
    assert sorted(path.name for path in models.iterdir()) == [DEFAULT_MODEL, "mine"]
