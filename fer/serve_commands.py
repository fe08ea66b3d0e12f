"""What the command `serve` does: the HTTP API as a server of its own; parsed by `cli.py`."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import signal
import socket
import sys
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from fer.errors import SettingsError

if TYPE_CHECKING:
    from fer.api import ApiSettings

# What is being answered when the server is told to end may take this long.
_LAST_ANSWERS_S = 10
_LAST_PORT = 65_535


def serve(options: argparse.Namespace) -> int:
    # Whoever stops a service expects 0; uvicorn has finished its answers when it passes the signal on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from fer.api import ApiSettings, Service, alone, log_to_stderr, read_key

    key = None if options.api_key_file is None else read_key(options.api_key_file)
    settings = ApiSettings.from_environment(model=options.model, detector=options.detector, key=key)
    # Whoever chose the name of the address may call the server by it.
    settings = replace(settings, hosts=(*settings.hosts, options.host))
    with _listen(options.host, options.port) as listening:
        service = Service(settings)
        service.warm_up()
        import uvicorn

        log_to_stderr()
        config = uvicorn.Config(
            alone(service),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )
        _announce(options, settings, _url(listening))
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            service.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise SettingsError(f"A port lies between 0 and {_LAST_PORT}; 0 takes a free one. Received: {port}")
    try:
        # With its protocol named: asyncio lets small packets go at once only then, and an answer is 40 ms sooner.
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as undo:
            listening = undo.enter_context(socket.socket(family, kind, protocol))
            if os.name == "posix":  # elsewhere it would let two servers have one port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()
            undo.pop_all()
            return listening
    except OSError as error:
        why = error.strerror or error
        raise SettingsError(f"Cannot listen on {host}, port {port}: {why}. Choose others with --host and --port.") from error


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _announce(options: argparse.Namespace, settings: ApiSettings, url: str) -> None:
    print(json.dumps({"url": url}) if options.json else f"API at {url}/api, its documentation at {url}/api/docs", flush=True)
    if settings.key is None and not _is_local(options.host):
        print("warning: without --api-key-file, whoever reaches this address may use it.", file=sys.stderr, flush=True)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
