"""Where things lie on the user's disk: the workspace (runs, uploads), the cache (rebuilt at will) and the bundles.

Each place can be moved by an environment variable: `FER_WORKSPACE`, `FER_CACHE`, `FER_MODELS`.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

REPOSITORY = Path(__file__).resolve().parent.parent


def workspace_dir() -> Path:
    """What the user made and must not lose: runs, searches, datasets, clips. Default: `workspace/` beside the package."""
    return Path(os.environ.get("FER_WORKSPACE") or REPOSITORY / "workspace")


def runs_dir() -> Path:
    """One folder a training run."""
    return workspace_dir() / "runs"


def searches_dir() -> Path:
    """One folder a search over a recipe's settings."""
    return workspace_dir() / "searches"


def datasets_dir() -> Path:
    """Uploaded archives, and one folder a collected dataset."""
    return workspace_dir() / "datasets"


def clips_dir() -> Path:
    """One folder a clip: the clip itself, and what was read from it."""
    return workspace_dir() / "clips"


def readings_dir() -> Path:
    """One folder a reading of many pictures: what was asked for, and what came out."""
    return workspace_dir() / "readings"


def cache_dir() -> Path:
    """What can be made again: decoded datasets, fetched detectors. Default: the user's cache folder."""
    return Path(os.environ.get("FER_CACHE") or platformdirs.user_cache_dir("fer", appauthor=False))


def models_dir() -> Path:
    """Bundles, one folder each. Default: `models/` beside the package."""
    return Path(os.environ.get("FER_MODELS") or REPOSITORY / "models")
