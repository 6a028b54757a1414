"""Which request is answered next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import cast

import pytest

from explorer.engine.frame import Failed, Frame, Saved, Seen
from explorer.facts import ModelError
from explorer.request import Autosave, Bound, Film, Forward, ModelRef, Open, Prepare, Request, Run, ScoreMatching
from tests.engine.worker_bench import MODEL, PATIENCE, Bench, FakeEngine, look, run


def test_a_look_is_answered_once(bench: Bench) -> None:
    job = bench.worker.submit(look(5))
    bench.let()
    answer = bench.next()
    assert (answer.job, answer.last) == (job, True)
    assert isinstance(answer.frame, Seen)
    assert answer.frame.t == 5
    assert bench.nothing_more()


def test_the_engine_works_in_one_other_thread(bench: Bench) -> None:
    bench.let(10)
    for request in look(), run(), Open(MODEL):
        job = bench.worker.submit(request)
        while not ((answer := bench.next()).job == job and answer.last):
            pass
    assert len(bench.engine.threads) == 1
    assert threading.get_ident() not in bench.engine.threads


def test_a_run_is_answered_step_by_step_and_ends(bench: Bench) -> None:
    bench.let(4)
    job = bench.worker.submit(run(steps=3))
    answers = [bench.next() for _ in range(5)]
    assert [a.job for a in answers] == [job] * 5
    assert [a.frame.step for a in answers if isinstance(a.frame, Seen)] == [0, 1, 2, 3]
    assert [a.last for a in answers] == [False] * 4 + [True]
    assert answers[-1].frame is None


def test_of_waiting_looks_the_newest_is_answered_between_two_steps(bench: Bench) -> None:
    running = bench.worker.submit(run())
    assert bench.begun() == (run_of(bench), 0)
    jobs = [bench.worker.submit(look(t)) for t in range(4)]
    bench.let()
    assert bench.next().job == running  # the step that was under way
    assert bench.begun() == (look(3), 0)
    bench.let()
    answer = bench.next()
    assert (answer.job, answer.last) == (jobs[3], True)
    assert bench.begun()[1] == 1  # and the run goes on
    bench.let()
    assert bench.next().job == running


def run_of(bench: Bench) -> Run:
    """The run that is in the worker's lane."""
    return cast(Run, bench.worker._jobs["run"].request)


def test_a_look_that_was_replaced_under_way_is_still_delivered(bench: Bench) -> None:
    """While a slider is dragged every look is: its picture is the newest there is."""
    first = bench.worker.submit(look(1))
    bench.begun()
    second = bench.worker.submit(look(2))
    bench.let(2)
    answers = [bench.next(), bench.next()]
    assert [a.job for a in answers] == [first, second]
    assert [cast(Seen, a.frame).t for a in answers] == [1, 2]
    assert bench.nothing_more()


def test_a_drag_sees_pictures_all_the_way(bench: Bench) -> None:
    jobs = []
    for t in range(6):
        jobs.append(bench.worker.submit(look(t)))
        assert bench.begun() == (look(t), 0)  # under way, when the next one comes
        if t:
            assert bench.next().job == jobs[t - 1]
        bench.let()
    assert bench.next().job == jobs[-1]


def test_a_replaced_run_is_heard_of_no_more(bench: Bench) -> None:
    bench.worker.submit(run(1))
    bench.begun()
    second = bench.worker.submit(run(2, steps=1))
    bench.let(10)
    answers = [bench.next() for _ in range(3)]
    assert [a.job for a in answers] == [second] * 3
    assert bench.nothing_more()


def test_each_lane_holds_a_job_of_its_own(bench: Bench) -> None:
    bench.worker.submit(look())
    bench.begun()
    running = bench.worker.submit(run(steps=1))
    film = bench.worker.submit(Film(MODEL, Forward(), (0, 5)))
    again = bench.worker.submit(look(2))
    bench.let(20)
    order = [bench.next().job for _ in range(6)][1:]
    assert order == [again, film, running, running, running]


def test_measurements_come_after_all_that_is_on_show(bench: Bench) -> None:
    bound = bench.worker.submit(Bound(MODEL, 5))
    bench.begun()
    scores = bench.worker.submit(ScoreMatching(MODEL, 3, 5))
    running = bench.worker.submit(run(steps=1))
    looking = bench.worker.submit(look())
    bench.let(20)
    order = [bench.next().job for _ in range(12)]
    assert order == [bound, looking, *[running] * 3, *[scores] * 4, *[bound] * 3]


def test_a_measurement_goes_on_while_a_run_keeps_its_pace(bench: Bench) -> None:
    bench.worker.set_pace(1000.0)
    bench.let(20)
    running = bench.worker.submit(run())
    assert bench.next().job == running
    bound = bench.worker.submit(Bound(MODEL, 5))
    assert [bench.next().job for _ in range(4)] == [bound] * 4
    preparing = bench.worker.submit(Prepare(MODEL, 2))
    assert bench.nothing_more()  # to get ready for what may come is no reason to keep the run's next step waiting
    bench.worker.set_pace(0.0)
    assert [bench.next().job for _ in range(5)] == [*[running] * 4, preparing]


def test_a_cancelled_measurement_ends_after_its_step(bench: Bench) -> None:
    bench.worker.submit(Bound(MODEL, 5))
    bench.begun()
    bench.worker.cancel("bound")
    bench.let(10)
    assert bench.nothing_more()


def test_opening_drops_all_that_was_asked_before(bench: Bench) -> None:
    for under_way in run(), look(), Film(MODEL, Forward(), (0,)):
        bench.worker.submit(under_way)
        bench.begun()
        bench.worker.submit(look(9))
        bench.worker.submit(run(9))
        opening = bench.worker.submit(Open(MODEL))
        bench.let(10)
        answers = [bench.next() for _ in range(3)]
        assert [a.job for a in answers] == [opening] * 3
        assert [a.last for a in answers] == [False, False, True]
        assert bench.nothing_more()
        while not bench.engine.asked.empty():
            bench.engine.asked.get()
        while bench.engine.permits.acquire(blocking=False):
            pass


def test_an_autosave_waits_for_nobody(bench: Bench) -> None:
    """A step of a large network may take minutes."""
    bench.worker.submit(run())
    bench.begun()
    job = bench.worker.submit(Autosave(MODEL, "a.dxsession", ""))
    assert type(bench.begun()[0]) is Autosave
    newer = bench.worker.submit(Autosave(MODEL, "a.dxsession", ""))
    bench.let(6)
    answers = [bench.next() for _ in range(7)]
    assert {job, newer} <= {answer.job for answer in answers}


def test_an_autosave_that_fails_says_so_and_the_next_one_is_made(bench: Bench) -> None:
    bench.engine.errors[Autosave] = ModelError("The disk is full.")
    bench.worker.submit(Autosave(MODEL, "a.dxsession", ""))
    bench.let()
    assert bench.next().frame == Failed("The disk is full.", "keep")
    del bench.engine.errors[Autosave]
    bench.worker.submit(Autosave(MODEL, "a.dxsession", ""))
    bench.let()
    assert bench.next().frame == Saved("a.dxsession")


def test_what_is_asked_after_opening_waits_for_it(bench: Bench) -> None:
    opening = bench.worker.submit(Open(MODEL))
    bench.begun()
    after = bench.worker.submit(look())
    bench.let(10)
    assert [bench.next().job for _ in range(4)] == [opening] * 3 + [after]


def test_a_second_opening_replaces_the_first(bench: Bench) -> None:
    bench.worker.submit(Open(MODEL))
    bench.begun()
    second = bench.worker.submit(Open(ModelRef("other")))
    bench.let(10)
    assert [bench.next().job for _ in range(3)] == [second] * 3
    assert bench.nothing_more()


def test_a_cancelled_run_ends_after_its_step(bench: Bench) -> None:
    bench.worker.submit(run())
    bench.begun()
    bench.let()
    bench.next()
    bench.begun()
    bench.worker.cancel("run")
    bench.let(10)
    assert bench.nothing_more()
    assert bench.engine.asked.empty()
    job = bench.worker.submit(look())
    assert bench.next().job == job


@pytest.mark.parametrize("how", ["cancelled", "replaced", "opened", "closed"])
def test_what_is_dropped_is_tidied_up_at_once(how: str) -> None:
    """In the worker's own thread, and not when the next request happens to come."""
    tidied: queue.Queue[int] = queue.Queue()

    class Engine(FakeEngine):
        def answer(self, request: Request) -> Iterator[Frame]:
            try:
                yield from super().answer(request)
            finally:
                if isinstance(request, Run) and request.run == 1:
                    tidied.put(threading.get_ident())

    engine = Engine()
    bench = Bench(lambda: engine)
    bench.engine = engine
    bench.worker.start()
    bench.next()
    bench.worker.set_pace(3600.0)  # so that it waits between two steps
    bench.worker.submit(run())
    bench.begun()
    bench.let()
    bench.next()
    bench.let(1000)
    if how == "cancelled":
        bench.worker.cancel("run")
    elif how == "replaced":
        bench.worker.submit(run(2))
    elif how == "opened":
        bench.worker.submit(Open(MODEL))
    else:
        bench.worker.close()
    assert tidied.get(timeout=PATIENCE) in engine.threads
    bench.worker.close()


def test_cancelling_nothing(bench: Bench) -> None:
    bench.worker.cancel("run")
    bench.worker.cancel("film")
    bench.let()
    job = bench.worker.submit(look())
    assert bench.next().job == job
