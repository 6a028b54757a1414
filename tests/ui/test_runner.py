"""The bridge to the engine's thread, with an engine that does as it is told."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from pytestqt.qtbot import QtBot

from explorer.engine.engine import Engine
from explorer.engine.frame import Failed, Frame, Progress, Ready, Seen
from explorer.engine.worker import Answer
from explorer.request import Film, Forward, Guidance, Look, ModelRef, Open, Request, Run
from explorer.ui.runner import Runner

MODEL = ModelRef("model")


def look(t: int) -> Look:
    return Look(MODEL, Forward(), t, Guidance(), ())


def run(number: int = 1) -> Run:
    return Run(MODEL, number, "ddim", 10, 0, 1, Guidance(), ())


def seen(step: int, number: int | None = 1) -> Seen:
    return Seen(0, {}, 1.0, 0.0, run=number, step=step)


class Puppet:
    """An engine whose every frame waits for a permit; without any, answers come at once."""

    def __init__(self) -> None:
        self.asked: queue.Queue[Request] = queue.Queue()
        self.permits: threading.Semaphore | None = None
        self.made = 0

    def ready(self) -> Ready:
        return Ready((), (), ())

    def answer(self, request: Request) -> Iterator[Frame]:
        self.asked.put(request)
        if isinstance(request, Open):
            yield from self._permitted(Progress("…"))
        elif isinstance(request, Look):
            if request.t < 0:
                raise RuntimeError("no such time")
            yield from self._permitted(Seen(request.t, {}, 1.0, 0.0))
        elif isinstance(request, Run):
            for step in range(request.steps):
                yield from self._permitted(seen(step, request.run))

    def _permitted(self, frame: Frame) -> Iterator[Frame]:
        if self.permits is not None:
            self.permits.acquire()
        self.made += 1
        yield frame


class Stage:
    """A Runner with a Puppet, and what it answered."""

    def __init__(self, qtbot: QtBot, puppet: Puppet) -> None:
        self.qtbot, self.puppet = qtbot, puppet
        self.runner = Runner(make_engine=cast(Callable[[], Engine], lambda: puppet))
        self.answers: list[tuple[Answer, bool]] = []
        self.busy: list[bool] = []
        self.runner.answered.connect(lambda answer, newest: self.answers.append((answer, newest)))
        self.runner.busyChanged.connect(self.busy.append)

    def start(self) -> None:
        self.runner.start()
        self.until(lambda: bool(self.answers))
        assert isinstance(self.answers.pop()[0].frame, Ready)

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=20_000)

    def idle(self) -> None:
        self.until(lambda: not self.runner.busy)

    def made(self, count: int) -> None:
        """Wait, without a look at the mailbox, until the engine has made so many frames and waits or is done."""
        deadline = threading.Event()
        for _ in range(20_000):
            if self.puppet.made >= count:
                deadline.wait(0.05)  # until the last of them is delivered
                return
            deadline.wait(0.001)
        pytest.fail("the engine makes no frames")

    @property
    def frames(self) -> list[Any]:
        return [answer.frame for answer, _ in self.answers]


@pytest.fixture
def stage(qtbot: QtBot) -> Iterator[Stage]:
    stage = Stage(qtbot, Puppet())
    stage.start()
    yield stage
    if stage.puppet.permits is not None:
        stage.puppet.permits.release(10_000)
    stage.runner.close()


def test_a_request_is_answered_and_busy_says_so(stage: Stage) -> None:
    job = stage.runner.submit(look(7))
    assert stage.runner.busy
    stage.idle()
    assert [(answer.job, cast(Seen, answer.frame).t, answer.last) for answer, _ in stage.answers] == [(job, 7, True)]
    assert stage.busy == [True, False]


def test_of_pictures_that_wait_only_the_newest_is_to_be_drawn(stage: Stage) -> None:
    stage.runner.submit(run())
    assert stage.runner.running
    stage.made(10)  # the window is kept from looking into its mailbox meanwhile
    stage.idle()
    steps = [(answer.frame.step, newest) for answer, newest in stage.answers if isinstance(answer.frame, Seen)]
    assert [step for step, _ in steps] == list(range(10)), "none is lost: their numbers are wanted"
    assert [newest for _, newest in steps] == [False] * 9 + [True]
    assert not stage.runner.running


def test_frames_of_a_cancelled_run_are_dropped(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(3)
    stage.runner.submit(run())
    stage.made(3)
    stage.runner.cancel_run()
    assert not stage.runner.running
    assert not stage.runner.busy
    stage.puppet.permits.release(100)
    stage.qtbot.wait(50)
    assert stage.frames == []


def test_frames_of_a_cancelled_run_are_no_steps_of_a_drag(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(3)
    stage.runner.submit(run())
    stage.made(3)
    stage.runner.cancel_run()
    stage.puppet.permits.release(100)
    stage.runner.submit(look(5), dragging=True)
    stage.idle()
    assert [(frame.run, frame.t) for frame in stage.frames] == [(None, 5)]


def test_frames_of_a_replaced_run_are_dropped(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(3)
    stage.runner.submit(run(1))
    stage.made(3)
    stage.runner.submit(run(2))
    stage.puppet.permits.release(100)
    stage.idle()
    numbers = {answer.frame.run for answer, _ in stage.answers if isinstance(answer.frame, Seen)}
    assert numbers == {2}


def test_a_newer_look_replaces_one_that_waits(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(0)
    stage.runner.submit(look(1))
    stage.puppet.asked.get(timeout=20)
    for t in (2, 3, 4):
        stage.runner.submit(look(t))
    stage.puppet.permits.release(100)
    stage.idle()
    assert [frame.t for frame in stage.frames] == [4], "the first was overtaken, the others never begun"


def test_while_dragging_a_look_that_was_overtaken_is_still_a_step_on_the_way(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(0)
    stage.runner.submit(look(1), dragging=True)
    stage.puppet.asked.get(timeout=20)
    for t in (2, 3, 4):
        stage.runner.submit(look(t), dragging=True)
    stage.puppet.permits.release(100)
    stage.idle()
    assert [frame.t for frame in stage.frames] == [1, 4]


def test_a_look_that_is_no_drag_makes_the_earlier_ones_stale(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(0)
    stage.runner.submit(look(1), dragging=True)
    stage.puppet.asked.get(timeout=20)
    stage.runner.submit(look(2))
    stage.puppet.permits.release(100)
    stage.idle()
    assert [frame.t for frame in stage.frames] == [2]


def test_a_film_asked_for_with_the_look_does_not_end_the_drag(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(0)
    stage.runner.submit(look(1))
    stage.puppet.asked.get(timeout=20)
    stage.runner.submit(Film(MODEL, Forward(), (0, 1)))
    stage.runner.submit(look(2), dragging=True)
    stage.puppet.permits.release(100)
    stage.idle()
    assert [frame.t for frame in stage.frames if isinstance(frame, Seen)] == [1, 2]


def test_a_look_goes_ahead_of_a_run(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(4)
    stage.runner.submit(run())
    stage.made(4)
    stage.runner.submit(look(9), dragging=True)
    stage.puppet.permits.release(100)
    stage.idle()
    order = [(frame.run, frame.step, frame.t) for frame in stage.frames if isinstance(frame, Seen)]
    place = order.index((None, 0, 9))
    assert place <= 5, "after the step that was being made"
    assert [step for number, step, _ in order if number == 1] == list(range(10)), "and the run goes on"


def test_opening_drops_everything_else(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(2)
    stage.runner.submit(run())
    stage.made(2)
    stage.runner.submit(look(1))
    stage.runner.submit(Open(MODEL))
    stage.puppet.permits.release(100)
    stage.idle()
    assert [type(frame) for frame in stage.frames if frame is not None] == [Progress]


def test_what_goes_wrong_is_an_answer(stage: Stage) -> None:
    stage.runner.submit(look(-1))
    stage.idle()
    (failed,) = stage.frames
    assert isinstance(failed, Failed)
    assert "no such time" in failed.message
    assert failed.during == "look"
    stage.runner.submit(look(3))
    stage.idle()
    assert stage.frames[-1].t == 3


def test_nothing_arrives_after_close(stage: Stage) -> None:
    stage.runner.submit(run())
    stage.made(10)
    stage.runner.close()
    stage.qtbot.wait(30)
    assert stage.frames == []
    assert not stage.runner.busy
    assert not any(thread.name == "engine" for thread in threading.enumerate())
    stage.runner.close()  # twice does no harm


def test_closing_in_the_middle_of_a_run_ends_the_thread(stage: Stage) -> None:
    stage.puppet.permits = threading.Semaphore(2)
    stage.runner.submit(run())
    stage.made(2)
    threading.Timer(0.05, stage.puppet.permits.release, [1]).start()  # the step that is being made ends
    stage.runner.close()
    assert not any(thread.name == "engine" for thread in threading.enumerate())


def test_closing_before_the_start(qtbot: QtBot) -> None:
    runner = Runner(make_engine=cast(Callable[[], Engine], Puppet))
    runner.close()
    assert not runner.busy


def test_an_engine_that_cannot_start_is_an_answer_and_nothing_waits_for_it(qtbot: QtBot) -> None:
    def broken() -> Engine:
        raise OSError("no library")

    runner = Runner(make_engine=broken)
    answers: list[Any] = []
    runner.answered.connect(lambda answer, newest: answers.append(answer.frame))
    runner.submit(Open(MODEL))
    runner.start()
    qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
    assert [(frame.during, "no library" in frame.message) for frame in answers] == [("start", True)]
    assert not runner.busy
    for request, during in ((look(3), "look"), (run(), "run")):
        answers.clear()
        runner.submit(request)
        qtbot.waitUntil(lambda: bool(answers), timeout=20_000)
        assert [(frame.during, "no library" in frame.message) for frame in answers] == [(during, True)]
        assert not runner.busy, "nobody is there to wait for"
    runner.close()


def test_the_pace_limits_a_run(stage: Stage) -> None:
    stage.runner.set_pace(0.05)
    begin = time.monotonic()
    stage.runner.submit(run())
    stage.idle()
    steps = [frame.step for frame in stage.frames if isinstance(frame, Seen)]
    assert steps == list(range(10))
    assert time.monotonic() - begin >= 9 * 0.05 - 0.01
