"""`ApiMetrics`: what Prometheus may know of the API. Few series, and never a client's words in a label."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from fer.inference.recognizer import FacePrediction

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"}
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class ApiMetrics:
    """Counters of one server, in a registry of its own: the process may hold others, as Streamlit does."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("fer_api_requests", "Requests answered.", ("route", "method", "status"), registry=self._registry)
        self._seconds = Histogram(
            "fer_api_request_seconds", "From a request's first byte to its answer's last.", ("route",), buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.in_progress = Gauge("fer_api_requests_in_progress", "Requests being answered now.", registry=self._registry)
        self._pictures = Counter("fer_api_pictures", "Pictures, by what came of them.", ("result",), registry=self._registry)
        self._faces = Counter("fer_api_faces", "Faces, by how they were answered.", ("answer",), registry=self._registry)
        self.picture_seconds = Histogram(
            "fer_api_picture_seconds", "Decoding, detecting and classifying one picture, without waiting for a worker.",
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        ProcessCollector(registry=self._registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request has been answered."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def picture(self, predictions: Iterable[FacePrediction] | None) -> None:
        """A picture has been read; None where it could not be."""
        faces = list(predictions or ())
        self._pictures.labels("unreadable" if predictions is None else "faces" if faces else "no face").inc()
        for face in faces:
            self._faces.labels("unsure" if face.is_unsure else "sure" if face.is_face else "not a face").inc()

    def text(self) -> bytes:
        """All of it, in the format that Prometheus reads."""
        return generate_latest(self._registry)
