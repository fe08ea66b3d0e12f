"""Why a face got its answer, on the Predict page: drawn when it is opened, worked out once, and only from what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ui.predict import why


@pytest.fixture
def page(open_page: Callable[..., AppTest]) -> AppTest:
    return open_page("predict")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was worked out, by name, in order."""
    done: list[str] = []
    for name in ("explain", "measure_belief", "what_if"):
        made = getattr(why, name)

        def counting(*args: object, _name: str = name, _made: Callable[..., object] = made, **options: object) -> object:
            done.append(f"{_name} {options.get('method', '')}".strip())
            return _made(*args, **options)

        monkeypatch.setattr(why, name, counting)
    return done


def opened(page: AppTest) -> AppTest:
    (part,) = [part for part in page.expander if part.label == "Why this answer?"]
    assert part.key is not None
    page.session_state[part.key] = True
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in (*page.markdown, *page.caption))


def choose(page: AppTest, label: str, value: object) -> AppTest:
    groups: Sequence[Any] = page.get("button_group")
    (group,) = [group for group in groups if group.label == label]
    group.set_value(value).run()
    assert not page.exception
    return page


def test_why_costs_nothing_until_it_is_opened(page: AppTest, counted: list[str]) -> None:
    page.run()
    assert counted == []
    assert "What if?" not in texts(page)


def test_why_says_where_whether_to_believe_it_and_what_if(page: AppTest, counted: list[str]) -> None:
    opened(page)
    said = texts(page)
    assert "Bright: what speaks for 😄 happy" in said
    assert "random maps" in said
    assert "What if? The answer stays 😄 happy in" in said
    assert "eyes covered" in said
    assert "mouth covered" in said
    assert sorted(counted) == ["explain cam", "measure_belief", "what_if"]
    page.run()
    assert len(counted) == 3, "kept for the session"


def test_why_of_another_class_method_and_face_works_out_only_what_is_new(page: AppTest, counted: list[str]) -> None:
    opened(page)
    counted.clear()
    next(box for box in page.selectbox if box.label == "What speaks for").set_value("sad").run()
    assert not page.exception
    assert "speaks for 😢 sad" in texts(page)
    assert set(counted) <= {"measure_belief"}, "one pass has the maps of all classes"
    counted.clear()
    choose(page, "By", "occlusion")
    assert "covered in turn" in texts(page)
    assert counted[0] == "explain occlusion"
    assert "what_if" not in counted
    counted.clear()
    choose(page, "Face", 1)
    assert "The answer stays 😮 surprise in" in texts(page)
    assert "speaks for 😮 surprise" in texts(page), "another face begins with its own answer"
    assert "what_if" in counted
