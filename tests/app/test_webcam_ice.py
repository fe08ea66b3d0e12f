"""ui/webcam/ice.py: which STUN and TURN servers there are, and that what opens them is not told to anybody else."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from aioice import stun
from aioice.turn import make_integrity_key
from streamlit_webrtc import credentials

from fer.errors import SettingsError
from ui.webcam.ice import check_ice_servers, ice_servers, turn_problem

SECRET = "s3cr3t-of-the-turn-server"
USERNAME, REALM = "me", "example"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FER_ICE_SERVERS", "FER_ICE_PROVIDER", "HF_TOKEN", "CLOUDFLARE_TURN_KEY_ID", "CLOUDFLARE_TURN_KEY_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    st.cache_data.clear()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, []),
        ("", []),
        ('[{"urls": "stun:example.org"}]', [{"urls": "stun:example.org"}]),
        (
            '[{"urls": ["turns:example.org"], "username": "a", "credential": "b"}]',
            [{"urls": ["turns:example.org"], "username": "a", "credential": "b"}],
        ),
    ],
)
def test_ice_servers_are_none_unless_set(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, expected: list[dict[str, Any]]
) -> None:
    if setting is not None:
        monkeypatch.setenv("FER_ICE_SERVERS", setting)
    assert ice_servers() == expected


@pytest.mark.parametrize(
    "setting",
    [
        "stun:example.org",
        '{"urls": "stun:example.org"}',
        '[{"url": "x"}]',
        "[1]",
        '[{"urls": []}]',
        '[{"urls": "http://example.org"}]',
        f'[{{"urls": "turn:example.org", "credential": "{SECRET}"}}]',
    ],
)
def test_ice_servers_when_malformed_are_refused_without_showing_them(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("FER_ICE_SERVERS", setting)
    with pytest.raises(SettingsError, match="urls") as refused:
        ice_servers()
    assert SECRET not in str(refused.value)


def test_ice_servers_of_a_provider_are_asked_for_once_and_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[tuple[str, ...]] = []

    class Helper:
        def clear(self) -> None: ...

        def __call__(self, *values: str) -> list[dict[str, str]]:
            asked.append(values)
            return [{"urls": "turn:example.org", "username": "me", "credential": SECRET}]

    monkeypatch.setattr(credentials, "get_cloudflare_ice_servers", Helper())
    monkeypatch.setenv("FER_ICE_PROVIDER", "Cloudflare")
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_ID", "id")
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_API_TOKEN", SECRET)
    assert ice_servers() == ice_servers() == [{"urls": "turn:example.org", "username": "me", "credential": SECRET}]
    assert asked == [("id", SECRET)]
    assert SECRET not in caplog.text


def test_ice_servers_of_a_provider_that_refuses_says_so_without_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(token: str) -> None:
        raise ValueError(f"no entry for {token}")

    refuse.clear = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr(credentials, "get_hf_ice_servers", refuse)
    monkeypatch.setenv("FER_ICE_PROVIDER", "huggingface")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with pytest.raises(SettingsError, match="HF_TOKEN") as refused:
        ice_servers()
    assert SECRET not in str(refused.value)


def test_ice_servers_ask_no_provider_because_of_a_token_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert ice_servers() == []


@pytest.mark.parametrize(
    ("provider", "words"), [("skype", "cloudflare, twilio, huggingface"), ("twilio", "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")]
)
def test_ice_servers_of_an_unknown_or_unset_provider_are_refused(
    monkeypatch: pytest.MonkeyPatch, provider: str, words: str
) -> None:
    monkeypatch.setenv("FER_ICE_PROVIDER", provider)
    with pytest.raises(SettingsError, match=words):
        ice_servers()


@pytest.fixture
def turn_server() -> Iterator[int]:
    """A port at which a TURN server lends an address to whom knows the password, and nothing else."""
    key = make_integrity_key(USERNAME, REALM, SECRET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    data, address = server.recvfrom(2048)
                except TimeoutError:
                    continue
                request = stun.parse_message(data)
                knows = "MESSAGE-INTEGRITY" in request.attributes and request.check_message_integrity(key)
                kind = stun.Class.RESPONSE if knows else stun.Class.ERROR
                answer = stun.Message(request.message_method, kind, request.transaction_id)
                if knows:
                    answer.attributes |= {"LIFETIME": 600, "XOR-RELAYED-ADDRESS": ("127.0.0.1", 9), "XOR-MAPPED-ADDRESS": address}
                    answer.add_message_integrity(key)
                else:
                    answer.attributes |= {"ERROR-CODE": (401, "Unauthorized"), "NONCE": b"1", "REALM": REALM}
                server.sendto(bytes(answer), address)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join(10)


def turn(port: int, credential: str | None) -> list[dict[str, Any]]:
    return [{"urls": f"turn:127.0.0.1:{port}", "username": USERNAME, "credential": credential}]


def test_turn_problem_of_a_server_that_lends_an_address_is_none(turn_server: int) -> None:
    assert turn_problem(turn(turn_server, SECRET)) == ""


def test_turn_problem_of_a_wrong_password_is_told(turn_server: int) -> None:
    problem = turn_problem(turn(turn_server, "wrong"))
    assert "refuses its credentials" in problem
    assert f"turn:127.0.0.1:{turn_server}" in problem


def test_turn_problem_without_a_turn_server_is_that() -> None:
    assert "No TURN server is set" in turn_problem([{"urls": "stun:example.org"}])


@pytest.mark.parametrize(
    ("credential", "setting", "expected"),
    [
        ("wrong", None, "The TURN server (turn:127.0.0.1:"),
        (SECRET, None, None),  # it lends an address: nothing to say
        (None, '[{"urls": "stun:example.org"}]', None),
        (None, "", None),
        (None, f'[{{"urls": "turn:{SECRET}@example.org", "credential": "{SECRET}"}}]', "FER_ICE_SERVERS"),
        (None, f'[{{"urls": "{SECRET}"}}]', "FER_ICE_SERVERS"),
        (None, SECRET, "FER_ICE_SERVERS is no JSON"),
    ],
)
def test_check_ice_servers_says_in_the_log_what_is_wrong_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    turn_server: int,
    credential: str | None,
    setting: str | None,
    expected: str | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("FER_ICE_SERVERS", json.dumps(turn(turn_server, credential)) if setting is None else setting)
    check_ice_servers().join(20)
    warnings = [record.getMessage() for record in caplog.records if record.name == "ui.webcam.ice"]
    assert len(warnings) == (expected is not None)
    assert (expected or "") in "".join(warnings)
    assert SECRET not in caplog.text
