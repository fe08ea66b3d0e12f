"""Where the weights come from that a backbone begins with: Keras' cache, the web, or a file of the user's."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fer.errors import FetchError, SettingsError
from fer.fetch import fetch
from fer.networks.pretrained import BACKBONES, Pretrained, build_backbone

RANDOM, IMAGENET = "random", "imagenet"


def cached_weights(backbone: str) -> Path:
    """Where Keras keeps the ImageNet weights of a backbone, whether they are there or not."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return home / "models" / BACKBONES[backbone].url.rsplit("/", 1)[1]


def begin_with_published_weights(model: Any, network: Pretrained, progress: Callable[[str, float], None] | None = None) -> None:
    """Give a network's backbone the weights that its settings name; nothing for `random`.

    Args:
        model: as `build_network` made it of these settings.
        network: which backbone, and which weights.
        progress: called with a few words and a share, 0…1, while weights are fetched.

    Raises:
        SettingsError: the weights are not there and cannot be fetched, or do not fit; says what to do.
    """
    if network.weights == RANDOM:
        return
    path = _imagenet_file(network.backbone, progress) if network.weights == IMAGENET else Path(network.weights).expanduser()
    if not path.is_file():
        raise SettingsError(f"No weights file at {path}. {_how_to_get(network.backbone)}")
    import keras

    backbone = build_backbone(network.backbone, keras.Input((None, None, 3)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # what only fits in part, Keras loads in part
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError, UserWarning) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(
            f"{path} does not hold weights of {BACKBONES[network.backbone].title} without its classifier ({reason}). "
            f"{_how_to_get(network.backbone)}"
        ) from error
    # By position: some of Keras' layers are named anew each time. What lies before the backbone has no weights.
    sources, ours = ([layer for layer in network.layers if layer.weights] for network in (backbone, model))
    for layer, source in zip(ours, sources, strict=False):
        layer.set_weights(source.get_weights())


def _imagenet_file(backbone: str, progress: Callable[[str, float], None] | None) -> Path:
    published = BACKBONES[backbone]
    try:
        return fetch(
            published.url,
            cached_weights(backbone),
            digest=published.digest,
            size=published.size,
            what=f"the ImageNet weights of {published.title}",
            progress=progress,
        )
    except FetchError as error:
        raise SettingsError(f"{error} {_how_to_get(backbone)}") from error


def _how_to_get(backbone: str) -> str:
    return (
        f"Fetch {BACKBONES[backbone].url} elsewhere and put it at {cached_weights(backbone)}, or name a file with "
        "network.weights=PATH, or train from random weights with network.weights=random."
    )
