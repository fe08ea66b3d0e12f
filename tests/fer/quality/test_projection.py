"""Maps: t-SNE of what a network sees, its cache, and the order of the points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.bundles import DEFAULT_MODEL, Bundle, load_bundle
from fer.data import Dataset, synthetic_dataset
from fer.errors import BundleError
from fer.inference.classifier import Classifier
from fer.quality import projection
from fer.quality.projection import (
    STEPS,
    along_a_curve,
    cached_face_map,
    face_map,
    nearest_neighbours,
    neighbour_agreement,
    project,
)


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return synthetic_dataset(60)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(DEFAULT_MODEL)


def clusters(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four clouds of n/4 vectors each, far apart, and which cloud each is of."""
    rng = np.random.default_rng(seed)
    label_ids = np.arange(n) % 4
    return (rng.normal(0, 1, (n, 24)) + 12 * rng.normal(0, 1, (4, 24))[label_ids]).astype(np.float32), label_ids


@pytest.mark.parametrize("n", [0, 1, 2, 5, 8, 40])
def test_project_small_sets(n: int) -> None:
    points = project(clusters(n)[0])
    assert points.shape == (n, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()


@pytest.mark.parametrize("has_opentsne", [True, False])  # False: Linux on ARM, for which openTSNE has no wheels
def test_project_keeps_clusters_together(has_opentsne: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_opentsne:
        monkeypatch.setattr(projection, "_has_opentsne", lambda: False)
    features, label_ids = clusters(120)
    assert neighbour_agreement(project(features), label_ids).mean() > 0.97


@pytest.mark.parametrize("fourier_from", [1000, 50])  # Barnes-Hut, Fourier transforms
def test_project_gives_the_same_again(fourier_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "_WORTH_FOURIER", fourier_from)
    monkeypatch.setattr(projection, "_LATE", 20)
    features, _ = clusters(100)
    assert np.array_equal(project(features, seed=3), project(features, seed=3))


def test_project_parts_equal_vectors() -> None:
    points = project(np.ones((30, 16), np.float32))
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == 30


def test_project_reports_and_ends_with_what_the_report_raises() -> None:
    seen: list[str] = []

    def report(step: str, share: float) -> None:
        assert 0 <= share <= 1
        seen.append(step)
        if step == STEPS[2] and share > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project(clusters(100)[0], progress=report)
    assert seen[0] == STEPS[1]
    assert seen.count(STEPS[2]) < 10


def test_nearest_neighbours_leaves_out_the_vector_itself() -> None:
    vectors = np.array([[0.0], [1.0], [3.0], [3.0], [3.0]], np.float32)
    neighbours, distances = nearest_neighbours(vectors, 2)
    assert neighbours[0].tolist()[0] == 1
    assert all(row not in others for row, others in enumerate(neighbours.tolist()))
    assert distances[2].tolist() == [0, 0]  # its two equals
    assert distances[0, 0] == pytest.approx(1)


def test_neighbour_agreement_by_hand() -> None:
    points = np.array([[0, 0], [1, 0], [2, 0], [10, 0]], np.float32)
    assert neighbour_agreement(points, np.array([0, 0, 1, 1]), k=1).tolist() == [1, 1, 0, 1]
    assert neighbour_agreement(points[:1], np.array([0])).tolist() == [1]


def test_along_a_curve_keeps_neighbours_near() -> None:
    points = np.random.default_rng(0).random((2000, 2), np.float32)
    order = along_a_curve(points)
    assert sorted(order.tolist()) == list(range(2000))
    steps = np.linalg.norm(np.diff(points[order], axis=0), axis=1)
    assert np.median(steps) < 0.04  # in the order in which they came it is 0.5


def test_face_map_of_a_dataset_and_its_cache(faces: Dataset, bundle: Bundle) -> None:
    assert cached_face_map(faces, bundle) is None
    steps: list[str] = []
    made = face_map(faces, bundle, progress=lambda step, _share: steps.append(step))
    assert list(dict.fromkeys(steps)) == list(STEPS)
    assert sorted(made.rows.tolist()) == list(range(60))
    assert made.answers == bundle.default_head.label_set
    assert made.answer_ids.max() < len(made.answers)
    assert (made.confidence > 0).all()
    assert (made.confidence <= 1).all()
    kept = face_map(faces, bundle, progress=lambda *_: pytest.fail("not read from the cache"))
    for column in ("rows", "points", "answer_ids", "confidence"):
        assert np.array_equal(getattr(kept, column), getattr(made, column))


def test_face_map_answers_as_the_model_does(faces: Dataset, bundle: Bundle) -> None:
    drawn = face_map(faces, bundle)
    size, _, channels = bundle.preprocessing.input_shape
    y_prob = Classifier(bundle).predict_batch(faces.images.batch(drawn.rows, size, channels))
    assert np.array_equal(drawn.answer_ids, y_prob.argmax(axis=1))
    assert drawn.confidence == pytest.approx(y_prob.max(axis=1), abs=1e-5)


def test_face_map_is_made_anew_where_its_file_is_damaged(faces: Dataset, bundle: Bundle) -> None:
    made = face_map(faces, bundle)
    (file,) = (projection.cache_dir() / "maps").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    assert cached_face_map(faces, bundle) is None
    assert np.array_equal(face_map(faces, bundle).points, made.points)


def test_face_map_of_many_images_is_of_a_sample(faces: Dataset, bundle: Bundle) -> None:
    drawn = face_map(faces, bundle, most=20)
    assert len(np.unique(drawn.rows)) == len(drawn) == 20
    assert np.array_equal(face_map(faces, bundle, most=20).rows, drawn.rows)
    assert not np.array_equal(np.sort(face_map(faces, bundle, most=20, seed=1).rows), np.sort(drawn.rows))


def test_face_map_depends_on_pixels_and_not_on_labels(faces: Dataset, bundle: Bundle) -> None:
    face_map(faces, bundle)
    relabelled = np.zeros(60, np.int16)
    assert cached_face_map(replace(faces, label_ids=relabelled), bundle) is not None
    assert cached_face_map(faces.select(np.arange(59)), bundle) is None


def test_face_map_of_no_image(faces: Dataset, bundle: Bundle) -> None:
    assert len(face_map(faces.select(np.arange(0)), bundle)) == 0


def test_face_map_with_a_network_without_embeddings(faces: Dataset, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Classifier, "embeddings", lambda *_: None)
    with pytest.raises(BundleError, match="trunk"):
        face_map(faces, bundle, progress=lambda _step, share: None if share == 0 else pytest.fail("looked at images first"))


@pytest.mark.fer2013
@pytest.mark.slow
def test_map_of_fer2013_keeps_the_neighbours_of_the_embeddings(shared_data: Path) -> None:
    from fer.data import read_dataset

    dataset = read_dataset(shared_data / "fer2013.zip")
    dataset = dataset.select(np.sort(np.random.default_rng(0).choice(len(dataset), 4000, replace=False)))
    drawn = face_map(dataset, load_bundle(DEFAULT_MODEL))
    # In the flagship's 192 numbers it is 0.65, on the map 0.64.
    assert neighbour_agreement(drawn.points, dataset.label_ids[drawn.rows]).mean() > 0.62
