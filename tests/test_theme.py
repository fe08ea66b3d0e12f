"""`.streamlit/config.toml`: options that Streamlit knows, a server that keeps to itself, and text that can be read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CONFIG = tomllib.loads((Path(__file__).resolve().parent.parent / ".streamlit/config.toml").read_text(encoding="utf-8"))
WHITE = "#FFFFFF"
CAPTION_OPACITY = 0.6  # of textColor, in st.caption and in the hints of widgets; measured in Chromium with Streamlit 1.67


def channels(colour: str) -> tuple[float, float, float]:
    """sRGB channels in [0, 1] of `#RRGGBB`."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def luminance(rgb: tuple[float, float, float]) -> float:
    """Relative luminance in [0, 1]; WCAG 2.2, "relative luminance"."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: str, ground: str, opacity: float = 1.0) -> float:
    """Contrast ratio in [1, 21] of a text, possibly faded, on a ground; WCAG 2.2, "contrast ratio"."""
    red, green, blue = (t * opacity + g * (1 - opacity) for t, g in zip(channels(text), channels(ground), strict=True))
    darker, lighter = sorted((luminance((red, green, blue)), luminance(channels(ground))))
    return (lighter + 0.05) / (darker + 0.05)


def theme(kind: str) -> dict[str, Any]:
    """Options of the light or the dark theme, the sidebar's under their own key."""
    section: dict[str, Any] = CONFIG["theme"][kind]
    return section


def grounds(kind: str) -> list[str]:
    """Every ground that text stands on: page, widgets, and both of the sidebar."""
    own = theme(kind)
    return [place[name] for place in (own, own["sidebar"]) for name in ("backgroundColor", "secondaryBackgroundColor")]


def options(section: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from options(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(
    ("text", "ground", "expected"), [("#000000", WHITE, 21.0), (WHITE, WHITE, 1.0), ("#767676", WHITE, 4.54)]
)
def test_contrast_of_known_pairs(text: str, ground: str, expected: float) -> None:
    assert contrast(text, ground) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_text_and_links_are_readable_on_every_ground(kind: str) -> None:
    for ground in grounds(kind):
        assert contrast(theme(kind)["textColor"], ground) >= 7
        assert contrast(theme(kind)["linkColor"], ground) >= 4.5
        assert contrast(theme(kind)["textColor"], ground, CAPTION_OPACITY) >= 4.5


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_accent_carries_the_white_label_of_a_button(kind: str) -> None:
    assert contrast(WHITE, theme(kind)["primaryColor"]) >= 4.5


def test_accent_is_readable_as_text_in_the_light() -> None:
    assert contrast(theme("light")["primaryColor"], theme("light")["backgroundColor"]) >= 4.5


def test_accent_stands_out_in_the_dark() -> None:
    # A chosen tab is written in the accent, and Streamlit's label on a button is always white. Both at 4.5:1 takes a ground of at
    # least 20:1 against white, which is all but black. The button has it; the tab also has its line, and the 3:1 of a state.
    assert contrast(theme("dark")["primaryColor"], theme("dark")["backgroundColor"]) >= 3.9


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_charts_stand_on_the_ground_of_the_page(kind: str) -> None:
    from ui import theme as charts

    palette = charts._LIGHT if kind == "light" else charts._DARK
    assert palette.ground == theme(kind)["backgroundColor"]
    assert palette.text == theme(kind)["textColor"]
    assert contrast(palette.muted, palette.ground) >= 4.5


def test_options_are_known_to_streamlit() -> None:
    from streamlit import config

    assert set(options(CONFIG)) <= set(config.get_config_options())


def test_server_keeps_to_this_machine() -> None:
    assert CONFIG["server"]["address"] == "127.0.0.1"
    assert CONFIG["server"]["enableXsrfProtection"]
    assert CONFIG["server"]["enableCORS"]
    assert not CONFIG["browser"]["gatherUsageStats"]
    assert CONFIG["client"]["showErrorDetails"] == "none"


def test_theme_fetches_no_font() -> None:
    assert not [value for value in CONFIG["theme"].values() if "://" in str(value)]
