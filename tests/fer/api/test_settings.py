"""Settings come from the environment, whole and checked, or not at all."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from fer.api.settings import ApiSettings
from fer.errors import SettingsError

KEY = "correct-horse-battery-staple"


def test_from_environment_reads_each_kind_of_value() -> None:
    settings = ApiSettings.from_environment(
        {
            "FER_API_MODEL": "compact",
            "FER_API_WORKERS": "3",
            "FER_API_MAX_UPLOAD_MB": "1.5",
            "FER_API_ORIGINS": "https://a.example, http://b.example:8080",
            "FER_API_HOSTS": "",  # as a compose file writes what is not set
            "PATH": "/bin",
        }
    )
    assert settings == ApiSettings(
        model="compact", workers=3, max_upload_mb=1.5, origins=("https://a.example", "http://b.example:8080")
    )
    assert settings.max_upload_bytes == 1_500_000


def test_from_environment_overrides_go_first() -> None:
    settings = ApiSettings.from_environment(
        {"FER_API_MODEL": "compact", "FER_API_DETECTOR": "haar"}, model="flagship", detector=None
    )
    assert (settings.model, settings.detector) == ("flagship", "haar")


def test_from_environment_takes_the_key_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    settings = ApiSettings.from_environment({"FER_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.key == KEY
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"FER_API_WORKER": "2"}, "Unknown environment variable FER_API_WORKER. Known: FER_API_MODEL"),
        ({"FER_API_WORKERS": "two"}, "FER_API_WORKERS is a whole number. Received: 'two'"),
        ({"FER_API_WORKERS": "0"}, "FER_API_WORKERS is 1 or more. Received: 0"),
        ({"FER_API_MAX_UPLOAD_MB": "lots"}, "FER_API_MAX_UPLOAD_MB is a number"),
        ({"FER_API_UPLOAD_SECONDS": "nan"}, "FER_API_UPLOAD_SECONDS is above 0"),
        ({"FER_API_MAX_MEGAPIXELS": "65"}, "FER_API_MAX_MEGAPIXELS is at most 64"),
        ({"FER_API_KEY": "short"}, "16 or more"),
        ({"FER_API_KEY": "with a space in between"}, "without spaces"),
        ({"FER_API_KEY": KEY, "FER_API_KEY_FILE": "key"}, "Set one of them"),
        ({"FER_API_KEY_FILE": "/no/such/file"}, "Cannot read the API key from /no/such/file: No such file"),
        ({"FER_API_ORIGINS": "example.org"}, "An origin is such as https://example.org"),
        ({"FER_API_ORIGINS": "https://example.org/page"}, "without a path"),
    ],
)
def test_from_environment_bad_value_is_refused_in_words(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        ApiSettings.from_environment(environment)
    assert words in str(refused.value)


def test_readme_names_every_variable() -> None:
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8").split("## The HTTP API")[1]
    for setting in fields(ApiSettings):
        name = setting.name.upper()
        assert f"`FER_API_{name}`" in text or f"`_{name}`" in text, name
