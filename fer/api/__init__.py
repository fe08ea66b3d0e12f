"""The HTTP API: pictures and clips in, answers as JSON out. The third face of the library, beside the pages and the command line.

    request ─ observing (id, log, metrics) ─ access (key, origin, host) ─ endpoints ─ uploads ─→ workers: pictures ─→ JSON
                                                                          every failure ─ problems ─→ problem+json (RFC 9457)

Served in the dashboard's process (`streamlit_app.py`) and alone (`python -m fer serve`). Nothing here loads TensorFlow.
"""

from __future__ import annotations

from fer.api.app import alone, dashboard_routes, warming
from fer.api.log import log_to_stderr
from fer.api.service import Service
from fer.api.settings import ApiSettings, read_key

__all__ = ["ApiSettings", "Service", "alone", "dashboard_routes", "log_to_stderr", "read_key", "warming"]
