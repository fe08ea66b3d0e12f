"""STUN and TURN servers, needed only where browser and server are on different networks; none by default.

Credentials that are named here go to the browser that opens the page and to WebRTC, and nowhere else: not to the log, and not
into messages. A provider's last for an hour or more and are asked for anew every half hour.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

from fer.errors import SettingsError

LOGGER = logging.getLogger(__name__)

_EXAMPLE = '[{"urls": "turn:turn.example.org", "username": "…", "credential": "…"}]'
_STUN, _TURN = ("stun:", "stuns:"), ("turn:", "turns:")
_FRESH_S = 1800
_CHECK_S = 5.0
# What each provider needs, under the names that its own documentation gives.
_PROVIDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cloudflare": ("CLOUDFLARE_TURN_KEY_ID", "CLOUDFLARE_TURN_KEY_API_TOKEN"),
        "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        "huggingface": ("HF_TOKEN",),
    }
)


def ice_servers() -> list[dict[str, Any]]:
    """The servers that the settings name: a list of them, or a provider that is asked for some.

    `ice_servers` in Streamlit's secrets, else the environment variable `FER_ICE_SERVERS` (a JSON list such as
    `[{"urls": "turn:turn.example.org", "username": "…", "credential": "…"}]`), else `FER_ICE_PROVIDER` in either (`cloudflare`,
    `twilio`, `huggingface`) with the provider's own variables. A token alone, which may be there for other reasons, asks nobody.

    Raises:
        SettingsError: the setting is no list of servers, or the provider gives none.
    """
    listed, name = _secret("ice_servers"), "ice_servers in secrets.toml"
    if listed is None and os.environ.get("FER_ICE_SERVERS"):
        name = "FER_ICE_SERVERS"
        try:
            listed = json.loads(os.environ[name])
        except ValueError as error:
            raise SettingsError(f"{name} is no JSON: {error}. Expected a list such as {_EXAMPLE}") from None
    if listed is not None:
        return _checked(listed, name)
    provider = _setting("FER_ICE_PROVIDER").lower()
    return _checked(_of_provider(provider), f"the list from {provider}") if provider else []


def check_ice_servers() -> threading.Thread:
    """Say in the log what is wrong with the settings, when a server starts; in a thread, as a TURN server may take seconds."""
    thread = threading.Thread(target=_check, name="fer-ice-check", daemon=True)
    thread.start()
    return thread


def _check() -> None:
    try:
        servers = ice_servers()
    except SettingsError as error:
        LOGGER.warning("The webcam's connection is misconfigured. %s", error)
        return
    # Without a TURN server all is well on one network, which is the usual case.
    if any(_is_relay(server) for server in servers) and (problem := turn_problem(servers)):
        LOGGER.warning("The webcam's connection: %s", problem)


def turn_problem(servers: list[dict[str, Any]]) -> str:
    """What is wrong with the TURN servers, in words, after having asked one for a relay; "" where nothing is.

    Args:
        servers: as of `ice_servers`.
    """
    relays = [server for server in servers if _is_relay(server)]
    if not relays:
        return "No TURN server is set, which a connection through a NAT or a firewall needs."
    try:
        answers = asyncio.run(asyncio.wait_for(_gives_relay(relays), _CHECK_S))
    except TimeoutError:
        answers = False
    if answers:
        return ""
    # What stands before an @ may be a password, in a place where none belongs.
    named = ", ".join(url.split("@")[-1] for server in relays for url in _urls(server))
    return f"The TURN server ({named}) does not answer, or refuses its credentials."


async def _gives_relay(servers: list[dict[str, Any]]) -> bool:
    """Whether a TURN server lends an address; this is what a connection asks of it first."""
    import aioice
    from aiortc import RTCIceServer
    from aiortc.rtcicetransport import connection_kwargs

    connection = aioice.Connection(ice_controlling=True, **connection_kwargs([RTCIceServer(**server) for server in servers]))
    try:
        await connection.gather_candidates()
        return any(candidate.type == "relay" for candidate in connection.local_candidates)
    except (OSError, aioice.stun.TransactionError):
        return False
    finally:
        await connection.close()


def _checked(listed: Any, name: str) -> list[dict[str, Any]]:
    # What was received is never shown: it may hold a password.
    try:
        servers = [dict(server) for server in listed]
        addresses = [_urls(server) for server in servers]
    except (KeyError, TypeError, ValueError):
        raise SettingsError(f"{name} is a list of tables, each with urls. Expected a list such as {_EXAMPLE}") from None
    for server, urls in zip(servers, addresses, strict=True):
        if not urls or not all(str(url).startswith((*_STUN, *_TURN)) for url in urls):
            raise SettingsError(f"In {name}, the urls of a server begin with stun: or turn: (or turns:). Expected: {_EXAMPLE}")
        if _is_relay(server) and not (server.get("username") and server.get("credential")):
            raise SettingsError(
                f"In {name}, a TURN server needs a username and a credential beside its urls. Expected: {_EXAMPLE}"
            )
    return servers


def _is_relay(server: Mapping[str, Any]) -> bool:
    return any(url.startswith(_TURN) for url in _urls(server))


def _urls(server: Mapping[str, Any]) -> list[str]:
    urls = server["urls"]
    return [urls] if isinstance(urls, str) else list(urls)


def _of_provider(provider: str) -> list[dict[str, Any]]:
    if provider not in _PROVIDERS:
        raise SettingsError(f"FER_ICE_PROVIDER is one of {', '.join(_PROVIDERS)}. Received: {provider}")
    values = [_setting(name) for name in _PROVIDERS[provider]]
    if not all(values):
        raise SettingsError(f"With FER_ICE_PROVIDER={provider}, set {' and '.join(_PROVIDERS[provider])}, too.")
    return _fetched(provider, tuple(values))


@st.cache_data(ttl=_FRESH_S, show_spinner=False, max_entries=4)
def _fetched(provider: str, values: tuple[str, ...]) -> list[dict[str, Any]]:
    from streamlit_webrtc import credentials

    helpers: dict[str, Any] = {
        "cloudflare": credentials.get_cloudflare_ice_servers,
        "twilio": credentials.get_twilio_ice_servers,
        "huggingface": credentials.get_hf_ice_servers,
    }
    helpers[provider].clear()  # it keeps its answers for as long as they are valid, and would hand out one that is about to end
    ask: Callable[..., Any] = helpers[provider]
    try:
        return [dict(server) for server in ask(*values)]
    except ImportError:
        raise SettingsError("TURN servers of Twilio need its package: pip install twilio") from None
    except Exception as error:  # of whatever a provider's package raises; its text may hold the account
        raise SettingsError(
            f"{provider.capitalize()} gives no TURN servers ({type(error).__name__}). Check its variables "
            f"({', '.join(_PROVIDERS[provider])}) and the way to it."
        ) from None


def _setting(name: str) -> str:
    return str(_secret(name) or os.environ.get(name) or "")


def _secret(name: str) -> Any:
    return st.secrets[name] if st.secrets.load_if_toml_exists() and name in st.secrets else None
