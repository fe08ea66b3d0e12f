"""Tiny pictures and trees of them, in every packing that the readers know."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Encode = Callable[..., bytes]
Pack = Callable[[Mapping[str, bytes], str], Path]


def encode_picture(seed: int, size: tuple[int, int] = (12, 12), mode: str = "L", kind: str = "PNG") -> bytes:
    """A picture of noise; the same arguments give the same bytes."""
    width, height = size
    shape = (height, width) if mode == "L" else (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def pack_files(files: Mapping[str, bytes], target: Path) -> Path:
    """Write files as the folder, ZIP or tar that the target's suffix asks for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    elif ".tar" in target.suffixes:
        mode = {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2", ".tar": "w:"}[target.suffix]
        with tarfile.open(target, mode) as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    else:
        target.mkdir(parents=True)
        for name, data in files.items():
            file = target / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return target


@pytest.fixture(scope="session")
def encode() -> Encode:
    """`encode(seed, size=(12, 12), mode="L", kind="PNG")`: an encoded picture of noise."""
    return encode_picture


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """`pack(files, name)`: the files as a folder, ZIP or tar, as the name's suffix asks for."""
    return lambda files, name: pack_files(files, tmp_path / name)


@pytest.fixture(scope="session")
def small_tree() -> dict[str, bytes]:
    """Two splits of three classes under usual and less usual spellings, four pictures each."""
    classes = {"angry": "angry", "Happiness": "happy", "sad": "sad"}
    return {
        f"{split}/{folder}/{i}.png": encode_picture(1000 * s + 100 * c + i)
        for s, split in enumerate(("train", "validation"))
        for c, folder in enumerate(classes)
        for i in range(4)
    }
