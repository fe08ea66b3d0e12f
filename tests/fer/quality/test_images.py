"""Unusable pictures: measures worked by hand, planted faults found, and guards that hold whatever the set."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.bundles import FaceTest
from fer.data import Dataset, read_dataset
from fer.data.dataset import ArrayStore
from fer.images import content_id
from fer.quality.findings import KINDS, Finding
from fer.quality.images import (
    BLANK_CONTRAST,
    BLURRED,
    BRIGHT,
    DARK,
    ImageMeasures,
    find_broken_files,
    find_faceless_images,
    find_unusable_images,
    limits,
    measure_images,
)


def faces(n: int, seed: int = 4) -> np.ndarray:
    """Synthetic faces, uint8 (n, 48, 48, 1), of one's own to change."""
    return np.array(read_dataset(f"synthetic:{n}:{seed}").images.batch(np.arange(n), 48, 1))


def dataset_of(images: np.ndarray) -> Dataset:
    """Images, uint8 (N, H, W, 1), as a dataset."""
    dataset = read_dataset(f"synthetic:{len(images)}:0")
    ids = np.array([content_id(image) for image in images], np.uint64)
    return replace(dataset, images=ArrayStore.of(images), content_ids=ids)


def found(findings: list[Finding]) -> dict[str, set[int]]:
    """Rows by kind."""
    return {kind: {f.indices[0] for f in findings if f.kind == kind} for kind in {f.kind for f in findings}}


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma)[..., None] for image in images])


def faint(image: np.ndarray, level: float) -> np.ndarray:
    """A face about a grey level, with half its contrast."""
    return np.clip((image - image.mean()) * 0.5 + level, 0, 255)


def test_measure_images_by_hand() -> None:
    images = np.full((3, 20, 20, 1), 100, np.uint8)
    images[1, :, 10:] = 200  # half 100, half 200
    images[2] = 0
    measures = measure_images(dataset_of(images))
    assert measures.brightness == pytest.approx([100, 150, 0], abs=0.5)
    assert measures.contrast == pytest.approx([0, 50, 0], abs=1)
    assert measures.sharpness[0] == measures.sharpness[2] == 0 < measures.sharpness[1]
    assert measures.sides.tolist() == [[20, 20]] * 3
    assert all(column.dtype == np.float32 for column in (measures.brightness, measures.contrast, measures.sharpness))


def test_measure_images_of_files_gives_their_own_sizes(make_dataset) -> None:
    pictures = [np.full((30, 50, 3), 10, np.uint8), np.full((100, 20, 3), 240, np.uint8)]
    measures = measure_images(make_dataset([0, 1], pictures=pictures, files=True))
    assert measures.sides.tolist() == [[30, 50], [100, 20]]
    assert measures.brightness.tolist() == [10, 240]


def test_measure_images_again_reads_no_picture(make_dataset, tmp_path: Path) -> None:
    dataset = make_dataset([0, 1, 2], files=True)
    shares: list[float] = []
    first = measure_images(dataset, shares.append)
    assert shares == [1.0]
    for file in (tmp_path / "source").iterdir():
        file.unlink()
    again = measure_images(dataset)
    assert again.sharpness.tolist() == first.sharpness.tolist()
    assert again.sides.tolist() == first.sides.tolist()


def test_measure_images_with_a_damaged_cache_measures_anew(make_dataset, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FER_CACHE", str(tmp_path / "cache"))
    dataset = make_dataset([0, 1])
    first = measure_images(dataset)
    (file,) = (tmp_path / "cache" / "measures").iterdir()
    for damage in (b"", b"PK\x03\x04 cut", file.read_bytes()[:-40]):
        file.write_bytes(damage)
        assert measure_images(dataset).sharpness.tolist() == first.sharpness.tolist()


def test_measure_images_of_nothing() -> None:
    nothing = read_dataset("synthetic:4").select(np.zeros(4, bool))
    measures = measure_images(nothing)
    assert len(measures) == 0
    assert find_unusable_images(measures) == []


def test_sharpness_knows_neither_contrast_nor_size_but_blur() -> None:
    images = faces(60)
    plain = measure_images(dataset_of(images)).sharpness
    faint = measure_images(dataset_of((images // 2 + 60).astype(np.uint8))).sharpness
    large = np.stack([cv2.resize(image, (192, 192), interpolation=cv2.INTER_NEAREST)[..., None] for image in images])
    assert faint == pytest.approx(plain, rel=0.08)
    assert measure_images(dataset_of(large)).sharpness == pytest.approx(plain, rel=1e-4)
    slightly, more = (measure_images(dataset_of(blurred(images, sigma))).sharpness for sigma in (1.0, 2.0))
    assert (more < 0.8 * slightly).all()
    assert (slightly < plain).mean() > 0.95


def test_planted_faults_are_found_and_nothing_else() -> None:
    images = faces(1200)
    rng = np.random.default_rng(0)
    planted = {
        "blank": [np.full((48, 48, 1), 0), np.full((48, 48, 1), 255), np.full((48, 48, 1), 128)]
        + [np.clip(rng.normal(rng.uniform(5, 250), 1.5, (48, 48, 1)), 0, 255) for _ in range(27)],
        "dark": [faint(images[row], 12) for row in range(30, 60)],
        "bright": [faint(images[row], 243) for row in range(60, 90)],
        "blurred": [image.astype(float) for image in blurred(images[90:120], 1.7)],
    }
    expected: dict[str, set[int]] = {}
    for kind, pictures in planted.items():
        start = sum(len(rows) for rows in expected.values())
        expected[kind] = set(range(start, start + len(pictures)))
        images[start : start + len(pictures)] = np.array(pictures).round().astype(np.uint8)
    answers = found(find_unusable_images(measure_images(dataset_of(images))))
    assert answers["blank"] == expected["blank"]
    for kind in ("dark", "bright", "blurred"):
        hits = len(answers[kind] & expected[kind])
        assert hits / len(expected[kind]) >= 0.95, kind
        assert hits / len(answers[kind]) >= 0.9, kind  # the synthetic camera itself blurs some a little


def test_broken_files_are_all_found(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "happy"
    folder.mkdir(parents=True)
    pngs = [cv2.imencode(".png", image)[1].tobytes() for image in faces(4)]
    for row, png in enumerate(pngs):
        (folder / f"good{row}.png").write_bytes(png)
    dot = cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()
    broken = {"cut.png": pngs[0][: len(pngs[0]) // 2], "empty.png": b"", "text.jpg": b"this is no picture", "dot.png": dot}
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    findings = find_broken_files(read_dataset(tmp_path / "set"))
    assert {finding.detail.split(":")[0] for finding in findings} == {f"happy/{name}" for name in broken}
    assert all((f.kind, f.indices, f.severity, f.action) == ("broken", (), 1.0, "drop") for f in findings)


def test_tiny_pictures_are_found_by_their_size_in_the_file(make_dataset) -> None:
    pictures = [np.asarray(cv2.resize(faces(3)[0], (side, 60)))[..., None].repeat(3, 2) for side in (31, 32, 12)]
    findings = found(find_unusable_images(measure_images(make_dataset([0, 1, 2], pictures=pictures, files=True))))
    assert findings["tiny"] == {0, 2}
    assert "blurred" not in findings, "a tiny picture is not also called blurred"


def measures_of(brightness, contrast=50.0, sharpness=0.9) -> ImageMeasures:
    n = len(brightness)
    columns = (np.broadcast_to(np.asarray(column, np.float32), n) for column in (brightness, contrast, sharpness))
    return ImageMeasures(*columns, np.full((n, 2), 48, np.int32))


def test_limits_are_the_sets_own_within_guards() -> None:
    rng = np.random.default_rng(0)
    # A set of evenly lit, evenly sharp pictures: its own limits would be strict, the guards are not.
    even = measures_of(rng.normal(128, 1, 500), sharpness=rng.normal(0.9, 0.01, 500))
    assert limits(even) == (DARK[1], BRIGHT[0], BLURRED[1])
    # One of all kinds of light and of blur: its own would let anything pass.
    wide = measures_of(rng.uniform(0, 255, 500), sharpness=rng.uniform(0.1, 2, 500))
    assert limits(wide) == (DARK[0], BRIGHT[1], BLURRED[0])
    # In between, 3.5 standard deviations from the middle.
    dark_below, bright_above, _ = limits(measures_of(rng.normal(122, 28, 20_000)))
    assert dark_below == pytest.approx(122 - 3.5 * 28, abs=3)
    assert bright_above == pytest.approx(122 + 3.5 * 28, abs=3)
    # Blank pictures are no part of the distribution.
    assert limits(measures_of([0.0] * 9, contrast=BLANK_CONTRAST / 2)) == (DARK[0], BRIGHT[1], BLURRED[0])


def test_a_set_of_blurred_pictures_does_not_pass_for_sharp() -> None:
    answers = found(find_unusable_images(measure_images(dataset_of(blurred(faces(100), 3.0)))))
    assert len(answers["blurred"]) == 100


def test_findings_are_ranked_by_how_bad_they_are_and_propose_what_is_usual() -> None:
    findings = find_unusable_images(measures_of([2, 15, 240, 254, 128], sharpness=[0.9, 0.9, 0.9, 0.9, 0.01]))
    severity = {finding.indices[0]: finding.severity for finding in findings}
    assert severity[0] > severity[1]
    assert severity[3] > severity[2]
    assert severity[4] > 0.9
    assert Counter(finding.kind for finding in findings) == {"dark": 2, "bright": 2, "blurred": 1}
    assert all(finding.action == KINDS[finding.kind].action and finding.detail for finding in findings)


def test_find_faceless_images_by_model_and_by_votes() -> None:
    votes = np.zeros((5, 10), np.uint8)
    votes[:, 0] = 10
    votes[2], votes[3] = [2, 0, 0, 0, 0, 0, 0, 0, 0, 8], [5, 0, 0, 0, 0, 0, 0, 0, 0, 5]
    votes[4] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 7]
    dataset = replace(read_dataset("synthetic:5"), votes=votes)
    probability = np.array([0.9, 0.4, 0.95, 0.9, 0.1], np.float32)

    by_both = {f.indices[0]: f for f in find_faceless_images(dataset, probability, FaceTest(1.0, 0.5))}
    assert by_both.keys() == {1, 2, 4}
    assert by_both[1].severity == pytest.approx(0.6)
    assert by_both[2].severity == pytest.approx(0.8)
    assert by_both[4].severity == pytest.approx(0.9)
    assert by_both[4].detail == "the model: a face with 10 %; FER+: not a face with 7 of 10 votes"
    assert {f.indices[0] for f in find_faceless_images(dataset, None, None)} == {2, 4}
    assert find_faceless_images(replace(dataset, votes=None), None, None) == []


@pytest.mark.fer2013
@pytest.mark.slow
def test_fer2013_blank_squares_and_pages_of_text(fer2013: Dataset) -> None:
    measures = measure_images(fer2013)
    answers = found(find_unusable_images(measures))
    assert len(answers["blank"]) == 13
    assert answers["blank"] >= set(np.flatnonzero(measures.contrast == 0).tolist())
    assert len(answers["bright"]) == 18
    assert len(answers["dark"]) == pytest.approx(9, abs=2)
    assert len(answers["blurred"]) == pytest.approx(20, abs=5)
    faceless = found(find_faceless_images(fer2013, None, None))["no_face"]
    assert len(faceless) == 161
    # Of the blank ones all, and of the bright ones all, are no faces by FER+, too: the taggers agree with the measure.
    assert len((answers["blank"] | answers["bright"]) & faceless) >= 28
