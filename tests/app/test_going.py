"""Work in a thread of its own: what comes of it, how far it is, its Stop, and its failures in words."""

from __future__ import annotations

import threading
import time

import pytest

from fer.data.read import Progress
from fer.errors import DataError
from ui.going import Work, _Shelf


def test_work_keeps_what_comes_of_it() -> None:
    def do(progress: Progress) -> int:
        progress("Counting", 0.5)
        return 7

    work = Work(do, "count")
    work.start()
    assert work.ended.wait(10)
    assert (work.result, work.error, work.step, work.share, work.done) == (7, "", "Counting", 0.5, 0.5)


def test_work_that_is_stopped_ends_at_its_next_report_without_a_result() -> None:
    begun = threading.Event()

    def do(progress: Progress) -> int:
        while True:
            progress("Counting", 0.1)
            begun.set()
            time.sleep(0.005)

    work = Work(do, "count")
    work.start()
    assert begun.wait(10)
    work.stopping.set()
    assert work.ended.wait(10)
    assert (work.result, work.error) == (None, "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataError("No image. Choose another set."), "No image. Choose another set."),
        (OSError(28, "No space left on device"), "The count could not be kept: No space left on device. Free some space."),
        (MemoryError(), "The memory of this machine did not suffice for the count. Close other programs, or take less."),
        (ZeroDivisionError("oops"), "The count failed: ZeroDivisionError: oops. Details stand in the server's log."),
    ],
)
def test_work_that_fails_says_why(error: Exception, words: str) -> None:
    def do(progress: Progress) -> int:
        raise error

    work = Work(do, "count")
    work.run()
    assert (work.result, work.error, work.ended.is_set()) == (None, words, True)


def test_work_in_steps_tells_how_much_of_the_whole_is_done() -> None:
    work = Work(lambda progress: None, "count", {"Reading": 0.2, "Counting": 0.8})
    assert (work.done, work.seconds_left, work.words) == (0.0, None, "Step 1 of 2: beginning, 0 %")
    work.step, work.share, work.started = "Counting", 0.5, time.monotonic() - 60
    assert work.done == pytest.approx(0.6)
    assert work.seconds_left == pytest.approx(40, abs=1)
    assert work.words == "Step 2 of 2: counting, 50 %. About 40 s left"


def test_shelf_begins_a_measurement_once_and_keeps_what_goes_on() -> None:
    shelf, held = _Shelf(), threading.Event()
    going = Work(lambda progress: held.wait(20), "first")
    shelf.start(("a",), going)
    shelf.start(("a",), Work(lambda progress: 1, "second"))
    assert shelf.find(("a",)) is going
    for number in range(30):
        done = Work(lambda progress: 1, "other")
        shelf.start((number,), done)
        assert done.ended.wait(10)
    assert shelf.find(("a",)) is going, "not put away while it goes on"
    assert shelf.find((0,)) is None
    held.set()
    assert going.ended.wait(10)
    stopped = Work(lambda progress: None, "stopped")
    shelf.start(("b",), stopped)
    assert stopped.ended.wait(10)
    again = Work(lambda progress: 1, "again")
    shelf.start(("b",), again)
    assert shelf.find(("b",)) is again
