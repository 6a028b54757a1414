"""Looks, runs and films on a schedule other than the model's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.diffusion.schedules import SCHEDULES
from explorer.engine.engine import Engine
from explorer.engine.frame import FilmStrip, Opened, ScheduleTable, Seen
from explorer.engine.schedules import LABELS, schedule_specs
from explorer.facts import ModelError
from explorer.paths import CHECKPOINTS
from explorer.request import Film, Forward, Guidance, Look, ModelRef, Open, Replay, Run, ScheduleChoice, Tabulate
from tests.engine.models import T_PICTURES, T_POINTS

LENSES = ("x_t", "x0", "eps", "score")
NO_GUIDANCE = Guidance()
LINEAR = ScheduleChoice("linear", (("beta_end", 0.3),))


def reference(path: str, choice: ScheduleChoice = LINEAR) -> ModelRef:
    return ModelRef(path, "cpu", schedule=choice)


def tabulate(engine: Engine, path: str, choice: ScheduleChoice) -> ScheduleTable:
    (found,) = engine.answer(Tabulate(reference(path, choice)))
    assert isinstance(found, ScheduleTable)
    return found


def look(engine: Engine, ref: ModelRef, t: int, guidance: Guidance = NO_GUIDANCE, count: int = 3) -> Seen:
    (seen,) = engine.answer(Look(ref, Forward(0, count, 5), t, guidance, LENSES))
    assert isinstance(seen, Seen)
    return seen


def run_of(ref: ModelRef, **changes: Any) -> Run:
    return replace(Run(ref, 1, "ddim", 6, 3, 2, Guidance(), LENSES, {"clip": False}), **changes)


def tile(seen: Seen, lens: str) -> NDArray[np.float32]:
    data: NDArray[np.float32] = seen.tiles[lens].data
    return data


def test_every_schedule_of_the_menu_has_a_table(engine: Engine, points: str) -> None:
    assert set(LABELS) == set(SCHEDULES)
    for spec in schedule_specs():
        parameters = tuple((p.name, float(p.default)) for p in spec.parameters)
        found = tabulate(engine, points, ScheduleChoice(spec.name, parameters))
        assert found.choice.name == spec.name
        assert len(found.t) == T_POINTS + 1
        assert np.isfinite(found.signal).all()
        assert (np.diff(found.log_snr[1:]) < 0).all()
        for parameter in spec.parameters:
            assert parameter.label
            assert parameter.minimum is not None
            assert parameter.maximum is not None
            assert parameter.minimum <= parameter.default <= parameter.maximum


def test_the_own_schedule_is_what_opening_tells_of(engine: Engine, pictures: str) -> None:
    opened = list(engine.answer(Open(ModelRef(pictures, "cpu"))))[-1]
    assert isinstance(opened, Opened)
    found = tabulate(engine, pictures, ScheduleChoice())
    assert opened.schedule is not None
    np.testing.assert_array_equal(found.log_snr, opened.schedule.log_snr)
    assert found.warning == ""


def test_levels_beyond_the_training_are_named(engine: Engine, pictures: str, points: str) -> None:
    wide = ScheduleChoice("ve_sde", (("sigma_min", 1e-6), ("sigma_max", 1e6)))
    assert "the network is asked at the nearest level it knows" in tabulate(engine, pictures, wide).warning
    assert tabulate(engine, points, wide).warning == ""  # the exact model knows every level
    narrow = ScheduleChoice("custom", points=((1.0, 3.0), (float(T_PICTURES), -3.0)))
    assert tabulate(engine, pictures, narrow).warning == ""


@pytest.mark.parametrize("path", ["points", "learned_points"])
def test_a_look_is_at_the_new_path(engine: Engine, path: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(path)
    found, table = look(engine, reference(folder), 20), tabulate(engine, folder, LINEAR)
    assert (found.a, found.s) == (table.signal[20], table.noise[20])
    clean, noise = (
        tile(look(engine, reference(folder), 0), "x_t"),
        tile(look(engine, ModelRef(folder, "cpu"), 9), "x_t"),
    )
    own = tabulate(engine, folder, ScheduleChoice())
    eps = (noise - own.signal[9] * clean) / own.noise[9]
    np.testing.assert_allclose(tile(found, "x_t"), found.a * clean + found.s * eps, atol=1e-5)
    together = found.a * tile(found, "x0") + found.s * tile(found, "eps")
    np.testing.assert_allclose(together, tile(found, "x_t"), atol=1e-5)


def test_the_exact_model_says_on_both_schedules_the_same_of_one_level(engine: Engine, points: str) -> None:
    """Karras' path is the model's own, scaled: at the same σ, x̂₀ and ε̂ are the same."""
    own = tabulate(engine, points, ScheduleChoice())
    ratio = float(own.noise[30] / own.signal[30])
    choice = ScheduleChoice("ve_sde", (("sigma_min", 1e-3), ("sigma_max", ratio)))
    found = look(engine, reference(points, choice), T_POINTS)
    expected = look(engine, ModelRef(points, "cpu"), 30)
    assert found.s / found.a == pytest.approx(ratio)
    for lens in ("x0", "eps"):
        np.testing.assert_allclose(tile(found, lens), tile(expected, lens), atol=1e-4)


@pytest.mark.parametrize("kind", ["classifier-free", "classifier"])
def test_guidance_goes_with_it(engine: Engine, points: str, kind: Any) -> None:
    guidance = Guidance(1, 2.0, kind)
    guided, plain = (look(engine, reference(points), 25, g, 40) for g in (guidance, Guidance()))
    assert not np.allclose(tile(guided, "x0"), tile(plain, "x0"), atol=1e-2)
    # By Bayes' rule the classifier is exact here, so both kinds of guidance are the same.
    free = look(engine, reference(points), 25, Guidance(1, 2.0), 40)
    np.testing.assert_allclose(tile(guided, "x0"), tile(free, "x0"), atol=0.15)


def test_a_film_and_a_run_are_on_it_too(engine: Engine, pictures: str) -> None:
    ref, table = reference(pictures), tabulate(engine, pictures, LINEAR)
    (film,) = engine.answer(Film(ref, Forward(0, 1, 5), (0, 25)))
    assert isinstance(film, FilmStrip)
    np.testing.assert_allclose(film.thumbnails[1], tile(look(engine, ref, 25, count=1), "x_t")[0], atol=1e-6)
    steps = [frame for frame in engine.answer(run_of(ref)) if isinstance(frame, Seen)]
    assert len(steps) == 7
    for seen in steps:
        assert (seen.a, seen.s) == (table.signal[seen.t], table.noise[seen.t])
    (again,) = engine.answer(Look(ModelRef(pictures, "cpu"), Replay(1, 3), 0, Guidance(), LENSES))
    assert isinstance(again, Seen)
    np.testing.assert_array_equal(tile(again, "x_t"), tile(steps[3], "x_t"))
    own = [frame for frame in engine.answer(run_of(ModelRef(pictures, "cpu"), run=2)) if isinstance(frame, Seen)]
    assert not np.allclose(tile(own[3], "x_t"), tile(steps[3], "x_t"), atol=1e-2)


def test_a_run_goes_on_with_its_schedule(engine: Engine, pictures: str) -> None:
    whole = [frame for frame in engine.answer(run_of(reference(pictures))) if isinstance(frame, Seen)]
    list(engine.answer(run_of(reference(pictures), run=2, until=2)))
    rest = [frame for frame in engine.answer(run_of(reference(pictures), run=2, start=2)) if isinstance(frame, Seen)]
    np.testing.assert_array_equal(tile(rest[-1], "x_t"), tile(whole[-1], "x_t"))
    with pytest.raises(ModelError, match="schedule it began with"):
        list(engine.answer(run_of(ModelRef(pictures, "cpu"), run=2, start=2)))


def test_changing_the_schedule_reads_no_weights_again(engine: Engine, pictures: str) -> None:
    model = engine.model(ModelRef(pictures, "cpu"))
    moved = engine.model(reference(pictures))
    assert moved is not model
    assert engine.model(reference(pictures)) is moved
    assert engine.model(ModelRef(pictures, "cpu")) is model


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (ScheduleChoice("dream"), "no schedule called “dream”"),
        (ScheduleChoice("karras", (("speed", 1.0),)), "no parameter “speed”"),
        (ScheduleChoice("karras", (("rho", -1.0),)), "rho goes from"),
        (ScheduleChoice("geometric", (("sigma_min", 5.0), ("sigma_max", 2.0))), "sigma_min < sigma_max"),
        (ScheduleChoice("custom"), "control points"),
        (ScheduleChoice("file"), "needs the path of a file"),
        (ScheduleChoice("model"), "needs the path of a model"),
        (ScheduleChoice("file", path="/none.json"), "none.json is missing"),
        (ScheduleChoice("model", path="/none"), "none"),
        (ScheduleChoice("custom", points=((1.0, 1.0), (float(T_PICTURES), 2.0))), "must fall"),
    ],
)
def test_impossible_schedules(engine: Engine, pictures: str, choice: ScheduleChoice, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        tabulate(engine, pictures, choice)
    with pytest.raises(ModelError, match=says):
        look(engine, reference(pictures, choice), 10)


def test_the_schedule_that_was_learned(engine: Engine, pictures: str) -> None:
    """That of the shipped VDM, by its name and by its path."""
    found = tabulate(engine, pictures, ScheduleChoice("learned"))
    assert len(found.t) == T_PICTURES + 1
    assert found.log_snr[-1] == pytest.approx(-5.0, abs=2.0)
    assert found.references  # beside fixed ones
    again = tabulate(engine, pictures, ScheduleChoice("model", path=str(CHECKPOINTS / "vdm")))
    np.testing.assert_array_equal(again.log_snr, found.log_snr)
    run = list(engine.answer(run_of(reference(pictures, ScheduleChoice("learned")))))[-1]
    assert isinstance(run, Seen)
    assert np.isfinite(tile(run, "x_t")).all()


def test_the_schedule_of_a_file(engine: Engine, pictures: str, tmp_path: Path) -> None:
    """With the model's own numbers it is the model's own; one of another length is stretched; it may change."""
    own = tabulate(engine, pictures, ScheduleChoice())
    assert own.betas is not None
    path = tmp_path / "numbers.npy"
    choice = ScheduleChoice("file", path=str(path))
    np.save(path, own.betas[1:])
    found = tabulate(engine, pictures, choice)
    np.testing.assert_allclose(found.signal, own.signal, rtol=1e-12)
    assert found.warning == ""
    mine, theirs = (look(engine, reference(pictures, c), 20) for c in (ScheduleChoice(), choice))
    np.testing.assert_array_equal(tile(mine, "eps"), tile(theirs, "eps"))
    np.save(path, np.linspace(0.01, 0.3, 10))
    found = tabulate(engine, pictures, choice)
    assert f"Its 10 noise levels are stretched to T = {T_PICTURES}." in found.warning
    assert look(engine, reference(pictures, choice), T_PICTURES).a == pytest.approx(found.signal[-1])
