"""The bound as it becomes known, and the score-matching objectives."""

from __future__ import annotations

import math
import queue
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from explorer.diffusion.likelihood import Estimate, Split, estimate
from explorer.engine import bound as bound_module
from explorer.engine import turn
from explorer.engine.bound import batches
from explorer.engine.elbo import ElboReport, ElboRequest, measure
from explorer.engine.engine import Engine
from explorer.engine.frame import Failed, Seen
from explorer.engine.likelihood_frame import Bounded, Bounding, ScoresMatched, SplitValues, TermCurve, Value
from explorer.engine.worker import Answer, Worker
from explorer.facts import ModelError
from explorer.request import Bound, Forward, Guidance, Look, ModelRef, Open, ScoreMatching
from tests.engine.models import POINTS, T_POINTS

PATIENCE = 60.0
LEARNED = 150


def frames(engine: Engine, request: Bound) -> list[Bounded]:
    return [frame for frame in engine.answer(request) if isinstance(frame, Bounded)]


def assert_close(found: Value | None, expected: Estimate, tolerance: float = 1e-4) -> None:
    assert found is not None
    assert found.mean == pytest.approx(expected.mean, rel=tolerance, abs=tolerance)
    assert found.error == pytest.approx(expected.standard_error, rel=tolerance, abs=tolerance, nan_ok=True)


def assert_same(found: Bounded, report: ElboReport) -> None:
    """What `measure` found, up to the rounding of batches of another size."""
    assert found.totals is not None
    pairs: list[tuple[SplitValues, TermCurve, Split]] = [
        (found.totals.matching, found.matching, report.elbo.matching),
        (found.totals.consistency, found.consistency, report.elbo.consistency),
    ]
    for values, curve, split in pairs:
        assert_close(values.reconstruction, split.reconstruction)
        assert_close(values.prior, split.prior)
        assert_close(values.terms, split.terms_sum)
        assert_close(values.total, split.total)
        assert values.variance == pytest.approx(split.variance, rel=1e-3)
        assert curve.t.tolist() == split.terms.t.tolist()
        assert curve.mean == pytest.approx(split.terms.mean, rel=1e-3, abs=1e-5)
        assert curve.error == pytest.approx(split.terms.standard_error, rel=1e-3, abs=1e-5)
        assert curve.variance == pytest.approx(split.terms.variance, rel=1e-3, abs=1e-5)
    assert_close(found.totals.difference, report.elbo.difference)
    assert report.ode is not None
    assert_close(found.ode, estimate(report.ode))
    assert (found.samples, found.ode_samples, found.finished) == (len(report.ode), len(report.ode), True)


def test_points_come_out_as_on_the_command_line(engine: Engine, points: str) -> None:
    found = frames(engine, Bound(ModelRef(points, "cpu"), 150, seed=3, variance="beta", ode=True))
    report = measure(ElboRequest(points, "cpu", n=150, seed=3, variance="beta", ode=True))
    assert_same(found[-1], report)
    totals = found[-1].totals
    assert totals is not None
    assert report.exact is not None
    assert_close(totals.exact, estimate(report.exact))
    assert_close(totals.gap, estimate(report.exact - report.elbo.matching.per_sample))
    known = [frame.totals.matching.total.error for frame in found if frame.totals is not None and frame.ode is None]
    assert len(known) >= 2
    assert all(later < earlier for earlier, later in pairwise(known))


def test_pictures_come_out_as_on_the_command_line(
    engine: Engine, pictures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.engine.elbo.PICTURE_ODE_STEPS", 3)
    found = frames(engine, Bound(ModelRef(pictures, "cpu"), 2, t_samples=5, ode=True, label=1))
    assert_same(found[-1], measure(ElboRequest(pictures, "cpu", n=2, t_samples=5, ode=True, label=1)))
    assert found[-1].discretised
    assert [frame.samples for frame in found if frame.ode is None] == [1, 2]
    assert [frame.ode_samples for frame in found if frame.ode is not None] == [1, 2, 2]


def test_a_curve_over_all_times_comes_before_the_first_total(
    engine: Engine, points: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bound_module, "CURVE_SECONDS", 0.0)
    early = frames(engine, Bound(ModelRef(points, "cpu"), 20))[8]
    assert (early.totals, early.samples) == (None, 0)
    assert len(early.matching.t) == len(early.consistency.t) == 9
    assert early.matching.t.max() > T_POINTS / 2
    assert all(np.diff(early.matching.t) > 0)


def test_others_get_their_turn_between_any_two_terms_and_calls(
    engine: Engine, points: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "TURN_SECONDS", 0.0)
    request = Bound(ModelRef(points, "cpu"), 40, ode=True)
    fractions = [frame.fraction for frame in engine.answer(request) if isinstance(frame, Bounding)]
    assert len(fractions) > 2 * (T_POINTS - 1)
    assert all(0 <= fraction <= 1 for fraction in fractions)


@pytest.mark.parametrize(("n", "kind"), [(1, "points"), (500, "points"), (9000, "points"), (16, "image"), (3, "image")])
def test_batches_hold_every_sample_once(n: int, kind: str) -> None:
    found = batches(n, kind)
    assert [i for first, size in found for i in range(first, first + size)] == list(range(n))
    assert all(size <= (4 if kind == "image" else 1024) for _, size in found)


@pytest.mark.parametrize(
    ("changes", "part"), [({"n": POINTS + 1}, f"{POINTS} samples"), ({"n": 0}, "samples"), ({"seed": -1}, "seed")]
)
def test_impossible_wishes_are_said_in_a_sentence(
    engine: Engine, points: str, changes: dict[str, Any], part: str
) -> None:
    with pytest.raises(ValueError, match=part):
        list(engine.answer(Bound(ModelRef(points, "cpu"), **{"n": 5, **changes})))


class Desk:
    """A worker with a real engine, and what it delivered."""

    def __init__(self, path: str) -> None:
        self.answers: queue.Queue[Answer] = queue.Queue()
        self.worker = Worker(self.answers.put)
        self.ref = ModelRef(path, "cpu")
        self.worker.start()
        opening = self.worker.submit(Open(self.ref))
        self.until(lambda answer: answer.job == opening and answer.last)

    def until(self, condition: Callable[[Answer], bool]) -> list[Answer]:
        taken = [self.answers.get(timeout=PATIENCE)]
        while not condition(taken[-1]):
            taken.append(self.answers.get(timeout=PATIENCE))
        return taken

    def look(self) -> int:
        return self.worker.submit(Look(self.ref, Forward(), 5, Guidance(), ("x_t",)))


def test_a_look_goes_ahead_and_a_cancelled_bound_is_heard_of_no_more(
    points: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "TURN_SECONDS", 0.0)
    desk = Desk(points)
    try:
        measuring = desk.worker.submit(Bound(desk.ref, POINTS, ode=True))
        desk.until(lambda answer: answer.job == measuring)
        looking = desk.look()
        before = desk.until(lambda answer: answer.job == looking)
        assert isinstance(before[-1].frame, Seen)
        assert not any(answer.last for answer in before[:-1])
        desk.until(lambda answer: answer.job == measuring)  # and the bound goes on
        desk.worker.cancel("bound")
        again = desk.look()
        desk.until(lambda answer: answer.job == again)
        with pytest.raises(queue.Empty):
            desk.answers.get(timeout=0.1)
    finally:
        desk.worker.close()


def test_what_cannot_be_measured_fails_as_a_frame(points: str) -> None:
    desk = Desk(points)
    try:
        job = desk.worker.submit(Bound(desk.ref, POINTS + 1))
        answer = desk.until(lambda answer: answer.job == job)[-1]
        assert answer.last
        assert isinstance(answer.frame, Failed)
        assert answer.frame.during == "bound"
        assert f"{POINTS} samples" in answer.frame.message
    finally:
        desk.worker.close()


# --- score matching ------------------------------------------------------------------------------------------


def matched(engine: Engine, request: ScoreMatching) -> list[ScoresMatched]:
    return [frame for frame in engine.answer(request) if isinstance(frame, ScoresMatched)]


def test_the_exact_score_is_where_every_objective_is_least(engine: Engine, points: str) -> None:
    (found,) = matched(engine, ScoreMatching(ModelRef(points, "cpu"), 20, POINTS))
    assert found.half_fisher == Value(0.0, 0.0)
    assert found.relative == 0
    assert [row.name for row in found.objectives] == ["explicit", "sliced", "denoising"]
    assert all(row.excess == row.off == Value(0.0, 0.0) and row.model == row.exact for row in found.objectives)
    assert all(row.off.errors_from_zero == 0 for row in found.objectives)


def test_the_excess_of_each_is_half_the_fisher_divergence(
    engine: Engine, learned_points: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An untrained network: it is far off, and the objectives tell how far."""
    monkeypatch.setattr("explorer.engine.objectives.BATCH", 80)
    ref = ModelRef(learned_points, "cpu")
    found = matched(engine, ScoreMatching(ref, 25, LEARNED, seed=2))
    assert [one.count for one in found] == [80, 150]
    last = found[-1]
    assert last.half_fisher.mean > 5 * last.half_fisher.error
    assert last.relative > 0.1
    for row in last.objectives:
        assert row.off.errors_from_zero < 4
        assert row.excess.mean == pytest.approx(row.model.mean - row.exact.mean)
        assert row.excess.mean == pytest.approx(last.half_fisher.mean + row.off.mean)
    # The constants of denoising and explicit differ by ½ d/s², and d = 2.
    explicit, _, denoising = last.objectives
    noise = engine.model(ref).denoiser.schedule.noise(25)
    spread = math.hypot(explicit.exact.error, denoising.exact.error)
    assert abs(denoising.exact.mean - explicit.exact.mean - 1 / noise**2) < 4 * spread


def test_where_nothing_was_learned(engine: Engine, points: str) -> None:
    with pytest.raises(ModelError, match="no noise"):
        matched(engine, ScoreMatching(ModelRef(points, "cpu"), 0, 10))


def test_a_model_without_a_truth(engine: Engine, pictures: str) -> None:
    with pytest.raises(ModelError, match="not known"):
        matched(engine, ScoreMatching(ModelRef(pictures, "cpu"), 5, 2))
