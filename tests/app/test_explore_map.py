"""Explore's map: when it is drawn, what the browser is given, and what becomes of a selection."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from fer.data import Dataset, synthetic_dataset
from fer.labels import FER8
from fer.quality.cleaning import CleaningList
from fer.quality.findings import Audit, Finding
from fer.quality.projection import FaceMap
from ui.explore import map as explore_map
from ui.explore.face_map import Colouring, map_payload, packed, selected_rows
from ui.explore.map import map_finding
from ui.explore.map_colours import colourings

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return synthetic_dataset(160)


@pytest.fixture(scope="module")
def drawn(faces: Dataset) -> FaceMap:
    """A map with its points on a circle, in another order than the dataset."""
    rows = np.random.default_rng(0).permutation(160).astype(np.int32)
    angle = rows / 160 * 2 * np.pi
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    return FaceMap(rows, points, faces.label_ids[rows], np.full(160, 0.5, np.float32), FER8)


def bits(chosen: NDArray[np.bool_]) -> str:
    """A selection as the browser sends it."""
    return base64.b64encode(np.packbits(chosen).tobytes()).decode()


def unpacked(payload: bytes) -> tuple[dict[str, object], dict[str, bytes]]:
    """What the browser makes of a payload."""
    begin = 4 + int.from_bytes(payload[:4], "little")
    header = json.loads(payload[4:begin])
    return header, {name: payload[begin + a : begin + b] for name, (a, b) in header["sections"].items()}


def open_map(open_page: OpenPage) -> AppTest:
    """The page with the map open."""
    app = open_page("explore")
    app.session_state["explore_view"] = "Map"
    app.run()
    assert not app.exception, app.exception
    return app


def test_map_of_a_small_set_is_drawn_at_once(open_page: OpenPage) -> None:
    app = open_map(open_page)
    assert len(app.get("bidi_component")) == 2  # the map, and the thumbnails
    assert not [button for button in app.button if button.key == "map_draw"]
    assert "lies near" in " ".join(caption.value for caption in app.caption)


def test_map_of_a_large_set_is_drawn_when_asked_for(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore_map, "_AT_ONCE", 100)
    app = open_map(open_page)
    assert not app.get("bidi_component")
    assert "160 images once, which takes about" in " ".join(caption.value for caption in app.caption)
    app.button(key="map_draw").click().run()
    assert len(app.get("bidi_component")) == 2
    # The next session finds it drawn.
    assert len(open_map(open_page).get("bidi_component")) == 2


def test_map_selection_can_be_relabelled_and_taken_back(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, faces: Dataset
) -> None:
    picked = np.array([3, 5, 8])
    monkeypatch.setattr(explore_map, "draw_face_map", lambda *_: picked)
    app = open_map(open_page)
    assert "3 faces selected" in [heading.value for heading in app.subheader]
    app.selectbox(key="map_label").set_value("fear")
    app = app.button(key="map_relabel").click().run()
    assert "3 images relabelled to fear" in " ".join(text.value for text in app.markdown)
    cleaned = _cleaning().apply(faces)[0]
    assert [cleaned.label_set.names[label] for label in cleaned.label_ids[picked]] == ["fear"] * 3
    app = app.button(key="map_drop").click().run()
    assert len(_cleaning().apply(faces)[0]) == 157
    app = app.button(key="map_undo").click().run()
    app.button(key="map_undo").click().run()
    assert not _cleaning().history


def _cleaning() -> CleaningList:
    from ui.cleaning import cleaning_path
    from ui.state import DatasetChoice

    path = cleaning_path(DatasetChoice("synthetic:160"))
    return CleaningList.load(path) if path.exists() else CleaningList()


def test_map_of_a_model_without_embeddings_says_so(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    from fer.inference.classifier import Classifier

    monkeypatch.setattr(Classifier, "embeddings", lambda *_: None)
    app = open_map(open_page)
    assert "trunk" in app.error[0].value
    assert not app.get("bidi_component")


def test_map_payload_holds_points_names_and_codes_in_the_order_of_the_map(faces: Dataset, drawn: FaceMap) -> None:
    ways = colourings(faces, drawn, np.ones(160), CleaningList(), None)
    header, sections = unpacked(map_payload(faces, drawn, "me", ways))
    assert header["id"] == "me"
    assert sections["names"].decode().split("\n") == faces.names[drawn.rows].tolist()
    assert np.frombuffer(sections["label"], np.uint8).tolist() == faces.label_ids[drawn.rows].tolist()
    places = np.frombuffer(sections["places"], "<u2").reshape(-1, 2) / 65535
    assert places == pytest.approx((drawn.points + 1) / 2, abs=2e-3)
    assert places.max() == 1


def test_map_payload_of_names_with_line_breaks(faces: Dataset, drawn: FaceMap) -> None:
    names = faces.names.astype("U40")
    names[0] = "two\nlines"
    _, sections = unpacked(map_payload(replace(faces, names=names), drawn, "me", []))
    assert len(sections["names"].decode().split("\n")) == 160


def test_packed_sections_follow_each_other() -> None:
    header, sections = unpacked(packed({"kind": "x"}, {"a": np.arange(3, dtype=np.uint8), "b": np.zeros(0), "c": np.ones(2)}))
    assert header["kind"] == "x"
    assert sections == {"a": b"\x00\x01\x02", "b": b"", "c": np.ones(2).tobytes()}


def test_selected_rows_are_those_of_the_dataset(drawn: FaceMap) -> None:
    chosen = np.zeros(160, bool)
    chosen[[0, 7, 159]] = True
    answer = {"map": "me", "bits": bits(chosen)}
    assert selected_rows(answer, drawn, "me").tolist() == sorted(drawn.rows[[0, 7, 159]].tolist())


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "all",
        {"map": "another", "bits": bits(np.ones(160, bool))},
        {"map": "me", "bits": bits(np.ones(80, bool))},  # of a smaller map
        {"map": "me", "bits": "not base64"},
        {"map": "me"},
    ],
)
def test_selected_rows_of_nonsense_are_none(answer: object, drawn: FaceMap) -> None:
    assert len(selected_rows(answer, drawn, "me")) == 0


def by_name(ways: list[Colouring]) -> dict[str, Colouring]:
    return {way.name: way for way in ways}


def test_colourings_say_what_is_known_of_each_face(faces: Dataset, drawn: FaceMap) -> None:
    agreement = np.linspace(0, 1, 160)
    cleaning = CleaningList().decide(faces, [4], "move", "train").decide(faces, [4, 9], "drop").decide(faces, [2], "keep")
    audit = Audit(
        dataset="x",
        fingerprint=faces.fingerprint,
        n=160,
        findings=(Finding("blurred", (6, 7), 0.5, "keep"), Finding("blank", (6,), 0.5, "drop")),
        seconds={},
        notes=(),
    )
    ways = by_name(colourings(faces, drawn, agreement, cleaning, audit))
    assert next(iter(ways)) == "label"

    def of_row(name: str, row: int) -> str:
        return ways[name].classes[ways[name].codes[drawn.rows.tolist().index(row)]].name

    assert [of_row("decision", row) for row in (4, 9, 2, 3)] == ["dropped", "dropped", "kept", "undecided"]
    assert [of_row("audit", row) for row in (6, 7, 8)] == ["blank images", "blurred", "nothing found"]
    assert ways["neighbours"].codes[[0, 40, 159]].tolist() == [2, 1, 0]
    assert not ways["agrees"].codes.any()  # this map's answers are the labels
    assert ("vote" in ways) == (faces.votes is not None)


def test_colourings_tell_where_the_model_disagrees(faces: Dataset, drawn: FaceMap) -> None:
    answers = (drawn.answer_ids + (np.arange(160) == 5)) % 8
    other = replace(drawn, answer_ids=answers.astype(np.int16))
    assert by_name(colourings(faces, other, np.ones(160), CleaningList(), None))["agrees"].codes.nonzero()[0].tolist() == [5]


@pytest.mark.parametrize(
    ("by_class", "finding"),
    [
        ({"happy": 0.9, "fear": 0.3, "sad": 0.5}, "Happy stands apart, fear mixes with the others"),
        ({"happy": 0.9, "sad": 0.85}, "The classes stand apart"),
        ({"happy": 0.4, "sad": 0.35}, "The classes mix about equally"),
        ({"happy": 1.0}, "All faces have one label"),
    ],
)
def test_map_finding(by_class: dict[str, float], finding: str) -> None:
    label_ids = FER8.encode(by_class)
    assert map_finding(np.array(list(by_class.values())), label_ids, FER8) == finding
