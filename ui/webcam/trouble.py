"""What went wrong with a stream, in words: it never came about, it stands still, or it broke off. The panel shows these."""

from __future__ import annotations

from ui.webcam.ice import ice_servers, turn_problem
from ui.words import duration

# A frame comes every 33 ms, on a machine that is far too slow every second. A browser that finds its connection dead has waited
# for longer than this, and somebody who presses Stop has hardly.
STALLED_S = 4.0

STALLED = (
    "The camera's picture has stopped coming. Is it still connected, and free of other programs? Press **Stop**, then **Start**."
)
SERVER_LOST = (
    "This page had lost its server, which was restarted, and what it had seen is forgotten. Press **Start** to begin anew."
)
INSTEAD = "**Single pictures**, below, need no such connection, and give the same answers."


def broken_off(silent_s: float) -> str:
    """Of a stream that ended by itself, with pictures at first and none at the end.

    Args:
        silent_s: for how long none had come.
    """
    return (
        f"The stream has broken off: no new picture came in its last {duration(silent_s)}. The network between browser and "
        "server is gone, or the camera. Press **Start** to try again."
    )


def why_no_picture(ice: str | None) -> str:
    """Of a stream without a first picture: what is known of the reason.

    Args:
        ice: how far the connection was seen to come, as of `stream.ice_state`.

    Raises:
        SettingsError: the ICE servers are misconfigured.
    """
    if ice is None:
        return "The browser has offered no connection yet. Is the camera allowed for this page, and free of other programs?"
    if ice in ("connected", "completed"):
        return f"The connection stands (ICE: {ice}), but the camera sends nothing. Is it covered, or used by another program?"
    return (
        f"The connection does not come about (ICE: {ice}). {turn_problem(ice_servers())} Over a network the page must be on "
        "https, too; docs/deploying.md says how."
    )
