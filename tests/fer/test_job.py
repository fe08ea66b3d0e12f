"""How work in a process of its own ends, and what is written of it, whatever kind of work it is."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from fer.errors import DataError, RunError
from fer.job import Job, StopRequested


@dataclass(frozen=True)
class Chore(Job):
    kind: ClassVar[str] = "chore"
    log_file: ClassVar[str] = "chore.log"
    spare: ClassVar[tuple[str, ...]] = ("spare.txt",)


@pytest.fixture
def chore(tmp_path: Path) -> Chore:
    return Chore(tmp_path)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_work_that_comes_to_its_end_is_finished(chore: Chore) -> None:
    with chore.work():
        chore.write_state("running", "Washing up")
        assert (chore.status, chore.reason) == ("running", "Washing up")
    assert (chore.status, chore.reason) == ("finished", "")
    with pytest.raises(RunError, match="is finished"), chore.work():
        raise AssertionError("begun again")


def test_work_that_is_asked_to_stop_says_where_it_goes_on(chore: Chore) -> None:
    with chore.work():
        raise StopRequested
    assert chore.status == "stopped"
    assert chore.reason == "Stopped on request. Resume goes on where it was."


@pytest.mark.parametrize(
    ("raised", "raises", "status", "words"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, "stopped", "Interrupted. Resume goes on"),
        (DataError("Line 3 is torn."), DataError, "failed", "Line 3 is torn."),
        (OSError(28, "No space left"), RunError, "failed", "the chore's folder: [Errno 28] No space left. Free some space"),
        (ZeroDivisionError("oops"), ZeroDivisionError, "failed", "ZeroDivisionError: oops. Details stand in"),
    ],
)
def test_work_that_fails_is_written_down_in_words_and_raised_on(
    chore: Chore, raised: BaseException, raises: type[BaseException], status: str, words: str
) -> None:
    with pytest.raises(raises), chore.work():
        raise raised
    assert chore.status == status
    assert words in chore.reason


def test_work_that_a_signal_ends_is_stopped(chore: Chore) -> None:
    with pytest.raises(KeyboardInterrupt), chore.work():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (chore.status, chore.reason) == ("stopped", "Interrupted. Resume goes on where it was.")


def test_work_that_loses_the_exception_of_a_signal_is_asked_to_stop_all_the_same(chore: Chore) -> None:
    with chore.work():
        with suppress(KeyboardInterrupt):  # as calls from C have done
            os.kill(os.getpid(), signal.SIGTERM)
        if chore.stop_requested:
            raise StopRequested
    assert chore.status == "stopped"


@pytest.mark.parametrize("makes_room", [True, False])
def test_work_on_a_full_disk_makes_room_for_its_last_words_or_prints_them(
    chore: Chore, makes_room: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spare = chore.path / "spare.txt"
    spare.write_text("of use only meanwhile")
    write_state = Job.write_state

    def write(job: Job, status: str, reason: str = "", *, place: int | None = None) -> None:
        if spare.exists() or not makes_room:
            raise OSError(28, "No space left on device")
        write_state(job, status, reason, place=place)

    monkeypatch.setattr(Job, "write_state", write)
    with pytest.raises(RunError, match="No space left"), chore.work():
        raise OSError(28, "No space left on device")
    assert not spare.exists()
    if makes_room:
        assert chore.status == "failed"
    else:
        assert "Free some space and resume" in capsys.readouterr().err
