"""`audit` and `data audit`: all searches on planted faults, the cache, and what is said where a step is left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import DEFAULT_MODEL, load_bundle
from fer.cli import main
from fer.data import Dataset, read_dataset
from fer.data.dataset import ArrayStore, Problem
from fer.data.rejects import Rejects, sample_photographs
from fer.images import content_id
from fer.quality import audit as audit_module
from fer.quality.audit import audit, cached_audit
from fer.quality.findings import Audit


@pytest.fixture(scope="module")
def planted() -> Dataset:
    """240 faces: 0 is blank, 1 copies 100 into another split, 2 mirrors 101, 3 to 12 are no faces, and a file is broken."""
    faces = read_dataset("synthetic:240:6")
    images = np.array(faces.images.batch(np.arange(240), 48, 1))
    images[0] = 77
    images[1] = images[100]
    images[2] = images[101][:, ::-1]
    images[3:13] = Rejects(images[120:], sample_photographs("val")).draw(np.random.default_rng(0), 10, 48)
    splits, label_ids = faces.splits.copy(), faces.label_ids.copy()
    splits[[1, 100]] = ["train", "test"]
    label_ids[1] = label_ids[100]
    return replace(
        faces,
        images=ArrayStore.of(images),
        content_ids=np.array([content_id(image) for image in images], np.uint64),
        splits=splits,
        label_ids=label_ids,
        problems=(Problem("happy/cut.png", "is no picture, or a damaged one."),),
    )


@pytest.fixture(scope="module")
def audited(planted: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_CACHE", str(tmp_path_factory.mktemp("cache")))
        return audit(planted)


def rows(found: Audit, kind: str) -> set[int]:
    return {row for finding in found.findings if finding.kind == kind for row in finding.indices}


def test_audit_finds_what_was_planted(audited: Audit) -> None:
    assert rows(audited, "blank") == {0}
    assert rows(audited, "identical") == rows(audited, "leak") == {1, 100}
    assert next(f.targets for f in audited.findings if f.kind == "leak") == (1,)
    assert {2, 101} <= rows(audited, "near_duplicate")
    assert len(rows(audited, "no_face") & set(range(3, 13))) >= 8
    assert len(rows(audited, "no_face") - set(range(13))) <= 2
    (broken,) = [finding for finding in audited.findings if finding.kind == "broken"]
    assert broken.detail == "happy/cut.png: is no picture, or a damaged one."
    assert rows(audited, "votes_disagree") <= {1}, "the drawn votes agree with the labels"


def test_audit_says_what_it_is_about_and_how_long_it_took(planted: Dataset, audited: Audit) -> None:
    assert (audited.dataset, audited.n, audited.fingerprint) == ("synthetic", 240, planted.fingerprint)
    assert list(audited.seconds) == ["images", "duplicates", "model", "labels"]
    (note,) = audited.notes
    assert f"the model {DEFAULT_MODEL}, which learned from" in note
    assert Audit.from_dict(json.loads(json.dumps(audited.as_dict(planted.names)))) == audited


def test_audit_reports_each_step(planted: Dataset) -> None:
    said: list[tuple[str, float]] = []
    audit(planted.select(np.arange(40)), progress=lambda what, fraction: said.append((what, fraction)))
    steps = list(dict.fromkeys(what for what, _ in said))
    assert steps == ["Measuring images", "Comparing images", "Asking the model", "Judging labels"]
    for step in steps:
        fractions = [fraction for what, fraction in said if what == step]
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0, 1)


def test_audit_with_a_model_without_face_test_says_that_faces_were_not_looked_for(planted: Dataset) -> None:
    part = planted.select(np.arange(40))
    found = audit(part, bundle=load_bundle("compact"))
    assert not rows(found, "no_face")
    (note,) = [note for note in found.notes if "Images without a face" in note]
    assert "the model compact cannot tell" in note
    assert "Those that FER+'s taggers call no face are listed." in note
    (note,) = [note for note in audit(replace(part, votes=None), bundle=load_bundle("compact")).notes if "without a face" in note]
    assert "FER+" not in note


def test_audit_again_is_read_from_the_cache(planted: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    part = planted.select(np.arange(30))
    bundle = load_bundle(DEFAULT_MODEL)
    assert cached_audit(part, bundle) is None
    first = audit(part)
    assert cached_audit(part, bundle) == first
    searched: list[str] = []
    search = audit_module._search
    monkeypatch.setattr(audit_module, "_search", lambda *rest: searched.append(rest[0].name) or search(*rest))  # type: ignore[func-returns-value]
    assert audit(part) == first
    assert audit(replace(part, name="renamed")) == replace(first, dataset="renamed")
    assert searched == []
    others = {
        "labels": replace(part, label_ids=np.roll(part.label_ids, 1)),
        "splits": part.with_splits(np.full(30, "val")),
        "votes": replace(part, votes=None),
        "problems": replace(part, problems=()),
    }
    for name, other in others.items():
        audit(replace(other, name=name))
    audit(replace(part, name="model"), bundle=load_bundle("compact"))
    assert searched == [*others, "model"]


def test_audit_with_a_damaged_cache_searches_anew(planted: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_CACHE", str(tmp_path))
    part = planted.select(np.arange(20))
    first = audit(part)
    (file,) = (tmp_path / "audits").iterdir()
    whole = file.read_text()
    for damage in ("", "{}", whole[:-30], whole.replace('"blank"', '"ugly"')):
        file.write_text(damage)
        assert audit(part).findings == first.findings
        assert json.loads(file.read_text())["n"] == 20


@pytest.mark.parametrize("n", [0, 1, 2])
def test_audit_of_hardly_any_images(n: int) -> None:
    found = audit(replace(read_dataset("synthetic:4:1").select(np.arange(n)), votes=None))
    assert found.n == n
    assert found.findings == ()
    assert any("Labels were not judged" in note for note in found.notes)


def test_groups_join_what_is_alike_by_way_of_others(planted: Dataset) -> None:
    pair = replace(planted.select(np.arange(5)), content_ids=np.arange(5).astype(np.uint64))
    finding = next(
        iter(audit_module.find_duplicates(replace(pair, content_ids=np.array([7, 7, 1, 2, 3], np.uint64)), near=False))
    )
    duplicates = [
        replace(finding, kind="identical", indices=(0, 3)),
        replace(finding, kind="near_duplicate", indices=(3, 1)),
        replace(finding, kind="leak", indices=(2, 4)),
    ]
    groups = audit_module._groups(duplicates, 5)
    assert groups[0] == groups[1] == groups[3]
    assert len(set(groups.tolist())) == 3
    assert audit_module._groups([], 3).tolist() == [0, 1, 2]


def test_data_audit_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "audit", "synthetic:60:3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("synthetic: 60 images, ")
    assert any(line.startswith("note: Labels were not judged: ") for line in lines)
    assert lines[-1] == "Which images: the same command with --json."


def test_data_audit_in_json_names_the_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    faces = read_dataset("synthetic:8:3")
    for split, label, row in (("train", "happy", 0), ("train", "sad", 1), ("val", "sad", 0), ("val", "happy", 2)):
        file = tmp_path / "set" / split / label / f"{row}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), faces.images[row])
    (tmp_path / "set" / "train" / "sad" / "cut.png").write_bytes(b"\x89PNG cut")
    assert main(["data", "audit", str(tmp_path / "set"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    by_kind = {finding["kind"]: finding for finding in answer["findings"]}
    assert by_kind["leak"]["names"] == ["val/sad/0.png", "train/happy/0.png"]
    assert by_kind["conflict"]["action"] == "drop", "one label each, and no votes: nobody knows"
    assert by_kind["broken"]["detail"].startswith("train/sad/cut.png: ")
    assert main(["data", "audit", str(tmp_path / "set")]) == 0
    text = capsys.readouterr().out
    assert "Leaks                      1       2    drop 1" in text
    assert "Leaks: The same pixels stand in two splits" in text


@pytest.mark.fer2013
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fer2013_audit(shared_data: Path) -> None:
    dataset = read_dataset(shared_data / "fer2013.zip", ferplus=shared_data / "fer2013new.csv")
    found = audit(dataset)
    counts = found.counts()
    assert (counts["identical"], counts["leak"], counts["conflict"]) == (1_276, 270, 47)
    assert (counts["blank"], counts["votes_disagree"]) == (13, 9_152)
    assert 161 <= counts["no_face"] <= 250
    # Labels that the classifier doubts are mostly those that FER+'s taggers dispute; by chance, 28 % of them would be.
    doubted, disputed = rows(found, "label_issue"), rows(found, "votes_disagree")
    assert 2_000 < len(doubted) < 6_000
    assert len(doubted & disputed) / len(doubted) > 0.6
    again = audit(dataset)
    assert again == found
