"""Entries appear whole or not at all, and what killed readers left is swept."""

from __future__ import annotations

import os
import time

import pytest

from fer.data.cache import content_key, entry_dir, load_entry, new_entry


def test_new_entry_appears_when_done() -> None:
    entry = entry_dir("k" * 64)
    with new_entry(entry) as work:
        (work / "meta.json").write_text("{}")
        assert not entry.exists()
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_new_entry_vanishes_on_failure() -> None:
    entry = entry_dir("k" * 64)

    def fail_halfway() -> None:
        with new_entry(entry) as work:
            (work / "images.raw").write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert list(entry.parent.iterdir()) == []


def test_new_entry_second_writer_yields_to_the_first() -> None:
    entry = entry_dir("k" * 64)
    with new_entry(entry) as slow:
        (slow / "meta.json").write_text("slow")
        with new_entry(entry) as quick:
            (quick / "meta.json").write_text("quick")
    assert (entry / "meta.json").read_text() == "quick"
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_new_entry_sweeps_what_is_a_day_old() -> None:
    entry = entry_dir("k" * 64)
    old, young = entry.parent / ".tmp-old", entry.parent / ".tmp-young"
    for left in (old, young):
        left.mkdir(parents=True)
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    with new_entry(entry) as work:
        (work / "meta.json").write_text("{}")
    assert not old.exists()
    assert young.exists()


def test_load_entry_missing_or_damaged(tmp_path) -> None:
    assert load_entry(tmp_path / "none", name="x", source=tmp_path) is None
    (tmp_path / "meta.json").write_text("[]")
    assert load_entry(tmp_path, name="x", source=tmp_path) is None


def test_content_key_of_a_folder_follows_names_sizes_and_times(pack) -> None:
    folder = pack({"happy/1.png": b"1", "sad/1.png": b"2"}, "tree")
    keys = {content_key(folder)}
    (folder / "happy" / ".DS_Store").write_bytes(b"litter")
    assert content_key(folder) in keys
    os.utime(folder / "happy/1.png", ns=(1, 1))
    keys.add(content_key(folder))
    (folder / "happy/1.png").rename(folder / "happy/2.png")
    keys.add(content_key(folder))
    assert len(keys) == 3
