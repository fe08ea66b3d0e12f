"""`Recognizers`: the models and face detectors of a server, each pair put together once and shared by its threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from itertools import takewhile
from pathlib import Path

import numpy as np

from fer.api.preparing import Preparation
from fer.bundles import SUMS, Bundle, default_model, list_bundles, load_bundle
from fer.detection import DetectorInfo, available_detectors, default_detector_name
from fer.errors import SettingsError
from fer.inference.recognizer import Recognizer
from fer.workspace import models_dir

# All pairs of two models with three detectors; one costs some megabytes.
_KEEP = 6

_Stamp = tuple[tuple[str, int, int], ...]


class Recognizers:
    """Bundles and recognizers by name, loaded when they are first asked for, and anew when their files change.

    One lock guards the shelf alone. Reading a picture needs none of ours: detectors and networks lock what they must.

    Args:
        model: name or folder of the bundle for those who name none; None for the default model.
        detector: name of the face detector for those who name none.
    """

    def __init__(self, model: str | None, detector: str) -> None:
        self._model = model
        self._detector = detector
        self._lock = threading.Lock()
        self._preparation = Preparation()
        self._bundles: dict[Path, tuple[_Stamp, Bundle]] = {}
        self._ready: OrderedDict[tuple[str, str], Future[Recognizer]] = OrderedDict()

    @property
    def default_model(self) -> str:
        """Name of the bundle that answers where none is asked for."""
        return _folder(self._own_model()).name

    @property
    def default_detector(self) -> str:
        """Name of the face detector that is used where none is asked for."""
        return default_detector_name() if self._detector == "auto" else self._detector

    def model_names(self) -> list[str]:
        """The bundles that may be asked for, the default first."""
        return list(dict.fromkeys([self.default_model, *list_bundles()]))

    def detectors(self) -> list[DetectorInfo]:
        """The face detectors there are, also those that cannot be used yet."""
        return available_detectors()

    def bundle(self, name: str | None = None) -> Bundle:
        """A verified bundle by its name.

        Raises:
            SettingsError: there is none of this name. A folder is none: clients choose among the models of the server.
            BundleError: it is damaged.
        """
        source = self._own_model() if name in (None, self.default_model) else self._require_model(str(name))
        folder = _folder(source)
        stamp = _stamp(folder)
        with self._lock:
            known = self._bundles.get(folder)
            if known is None or known[0] != stamp:
                known = self._bundles[folder] = (stamp, load_bundle(source))
            return known[1]

    def recognizer(self, model: str | None = None, detector: str | None = None) -> Recognizer:
        """The recognizer of a bundle and a face detector.

        Raises:
            SettingsError: there is no such model or detector.
            Problem: the detector is being prepared.
            FerError: one of them cannot be loaded.
        """
        bundle = self.bundle(model)
        detector_name = self.detector_name(detector)
        key = (bundle.sha256, detector_name)
        if key not in self._ready:
            self._require_ready(detector_name)
        with self._lock:
            made = self._ready.get(key)
            is_ours = made is None
            if made is None:
                made = self._ready[key] = Future()
                if len(self._ready) > _KEEP:
                    self._ready.popitem(last=False)
            self._ready.move_to_end(key)
        if is_ours:  # off the lock: others need not wait for a network that is read from the disk
            try:
                made.set_result(Recognizer(bundle, detector_name))
            except BaseException as error:
                with self._lock:
                    self._ready.pop(key, None)  # whoever asks next tries again
                made.set_exception(error)
        return made.result()

    def warm_up(self) -> None:
        """Load the default pair and let it read a picture, so that the first client does not wait for that.

        Where a better detector only wants preparation to be the default, that begins now, beside what follows.

        Raises:
            FerError: it cannot be loaded.
        """
        if any(info.name == self.default_detector and not info.ready for info in self.detectors()):
            self._preparation.begin().result()
        recognizer = self.recognizer()
        grey = np.full((480, 640, 3), 127, np.uint8)
        recognizer.predict(grey)
        recognizer.predict(grey, whole_image=True)
        better = takewhile(lambda info: info.name != self.default_detector, self.detectors())
        if self._detector == "auto" and any(info.available and not info.ready for info in better):
            self._preparation.begin()

    def _own_model(self) -> str:
        return self._model or default_model()

    def _require_model(self, name: str) -> str:
        if name not in list_bundles():
            raise SettingsError(f"No model {name!r}. There are: {', '.join(self.model_names())}")
        return name

    def detector_name(self, name: str | None = None) -> str:
        """The face detector that is meant by a name; None and `auto` are the default.

        Raises:
            SettingsError: there is no such detector here.
        """
        if name in (None, "auto"):
            return self.default_detector
        available = [info.name for info in self.detectors() if info.available]
        if name not in available:
            raise SettingsError(f"No face detector {name!r} on this server. There are: auto, {', '.join(available)}")
        return str(name)

    def _require_ready(self, detector: str) -> None:
        for info in self.detectors():
            if info.name == detector:
                self._preparation.require(info)


def _folder(name_or_path: str) -> Path:
    """Where a bundle lies that the owner of the server has named, as `load_bundle` finds it."""
    path = Path(name_or_path)
    return path.resolve() if (path / SUMS).is_file() else models_dir() / name_or_path


def _stamp(folder: Path) -> _Stamp:
    """All that tells one state of a bundle's files from another without reading them."""
    if not folder.is_dir():
        return ()
    found = sorted((path.name, path.stat()) for path in folder.iterdir())
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)
