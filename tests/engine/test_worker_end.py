"""A worker that keeps a pace, meets errors, and comes to its end."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from explorer.engine.frame import During, Failed
from explorer.facts import ModelError
from explorer.request import Film, Forward, Look, Open, Request, Run
from tests.engine.worker_bench import MODEL, PATIENCE, Bench, FakeEngine, look, run


def test_a_run_keeps_its_pace(bench: Bench) -> None:
    bench.worker.set_pace(0.05)
    bench.let(10)
    begin = time.monotonic()
    bench.worker.submit(run(steps=3))
    for _ in range(4):
        bench.next()
    assert time.monotonic() - begin >= 3 * 0.05  # at least: a busy machine may take longer


def test_a_slow_pace_does_not_hold_up_a_look_or_a_new_pace_or_the_end(bench: Bench) -> None:
    bench.worker.set_pace(1000.0)
    bench.let(100)
    running = bench.worker.submit(run(steps=50))
    assert bench.next().job == running
    looking = bench.worker.submit(look())
    assert bench.next().job == looking
    assert bench.nothing_more()
    bench.worker.set_pace(0.0)
    assert bench.next().job == running
    bench.worker.set_pace(1000.0)
    while not bench.nothing_more():
        pass
    another = bench.worker.submit(run(2, steps=50))  # does not wait for what the last one owed
    while bench.next().job != another:
        pass
    bench.worker.close()


@pytest.mark.parametrize(
    ("request_", "during"),
    [(look(), "look"), (run(), "run"), (Open(MODEL), "open"), (Film(MODEL, Forward(), (0,)), "film")],
)
def test_an_exception_is_an_answer(bench: Bench, request_: Request, during: During) -> None:
    bench.engine.errors[type(request_)] = ModelError("The file is gone.")
    bench.let(10)
    job = bench.worker.submit(request_)
    answer = bench.next()
    assert (answer.job, answer.last) == (job, True)
    assert answer.frame == Failed("The file is gone.", during)
    assert bench.nothing_more()
    bench.engine.errors.clear()
    after = bench.worker.submit(look())
    assert bench.next().job == after


def test_a_mistake_of_ours_is_an_answer_too(bench: Bench) -> None:
    bench.engine.errors[Look] = KeyError("x")
    bench.let()
    bench.worker.submit(look())
    frame = bench.next().frame
    assert isinstance(frame, Failed)
    assert "KeyError" in frame.message
    assert "report" in frame.message


def test_the_failure_of_a_replaced_run_is_dropped(bench: Bench) -> None:
    bench.worker.submit(run(1))
    bench.begun()
    bench.engine.errors[Run] = ModelError("Too late.")
    job = bench.worker.submit(look())
    bench.worker.cancel("run")
    bench.let(10)
    assert bench.next().job == job
    assert bench.nothing_more()


def test_an_engine_that_cannot_start() -> None:
    def broken() -> Any:
        raise ImportError("libtorch.so: cannot open shared object file")

    bench = Bench(broken)
    bench.worker.start()
    answer = bench.next()
    assert (answer.job, answer.last) == (0, True)
    assert isinstance(answer.frame, Failed)
    assert answer.frame.during == "start"
    assert "libtorch.so" in answer.frame.message
    bench.worker.submit(look())  # nobody answers, and nothing breaks
    bench.worker.close()


@pytest.mark.parametrize("request_", [look(), run(), Open(MODEL)])
def test_closing_waits_for_the_frame_under_way_and_delivers_nothing_more(bench: Bench, request_: Request) -> None:
    bench.worker.submit(request_)
    bench.begun()
    bench.worker.submit(look(7))
    releaser = threading.Timer(0.05, bench.let)
    releaser.start()
    bench.worker.close()
    assert not bench.worker._thread.is_alive()
    assert bench.answers.empty()
    assert bench.engine.asked.empty()
    releaser.join()


def test_closing_an_idle_worker_and_closing_twice(bench: Bench) -> None:
    bench.worker.close()
    bench.worker.close()
    assert not bench.worker._thread.is_alive()


def test_closing_a_worker_that_never_started() -> None:
    bench = Bench()
    bench.worker.close()
    assert not bench.worker._thread.is_alive()


def test_closing_while_the_engine_starts() -> None:
    started, go = threading.Event(), threading.Event()

    def slow() -> Any:
        started.set()
        go.wait(PATIENCE)
        return FakeEngine()

    bench = Bench(slow)
    bench.worker.start()
    assert started.wait(PATIENCE)
    bench.worker.submit(look())
    threading.Timer(0.05, go.set).start()
    bench.worker.close()
    assert not bench.worker._thread.is_alive()
