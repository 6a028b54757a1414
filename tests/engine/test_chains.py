"""Latent chains through the engine: up from data, down from the prior, set by hand, drawn anew, measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.engine.engine import Engine
from explorer.engine.frame import FilmStrip, Opened, Seen
from explorer.engine.likelihood_frame import LatentBounded
from explorer.facts import ModelError
from explorer.lenses.drawable import Image, Missing, Points, Quantities
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.request import (
    Axis,
    ByHand,
    Film,
    Forward,
    Grid,
    Guidance,
    LatentBound,
    Look,
    ModelRef,
    Open,
    Prepare,
    Replay,
    Request,
    Run,
    Save,
    ScoreMatching,
    Tabulate,
    Train,
)
from tests.chains import LEVELS, PICTURES, SHAPE, write_chain

L = len(LEVELS)
LENSES = tuple(LATENT_LENSES)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    return ModelRef(str(write_chain(tmp_path_factory.mktemp("chains"))), "cpu")


def ask(engine: Engine, request: Request) -> list[Any]:
    return list(engine.answer(request))


def look(engine: Engine, ref: ModelRef, t: int, lenses: tuple[str, ...] = LENSES, **values: Any) -> Seen:
    source = values.pop("source", Forward(2, 2, 7))
    (seen,) = ask(engine, Look(ref, source, t, Guidance(), lenses, **values))
    assert isinstance(seen, Seen)
    return seen


def run(engine: Engine, ref: ModelRef, number: int = 1, **values: Any) -> list[Seen]:
    wanted: dict[str, Any] = {"seed": 3, "count": 2, "lenses": ("z_t", "decoded")} | values
    return ask(engine, Run(ref, number, "ancestral", L, guidance=Guidance(), **wanted))


def z(seen: Seen) -> np.ndarray:
    return seen.tiles["z_t"].data


# --- opening ---------------------------------------------------------------------------------------------


def test_opening_gives_facts_and_no_schedule(engine: Engine, chain: ModelRef) -> None:
    *_, opened = ask(engine, Open(chain))
    assert isinstance(opened, Opened)
    assert opened.schedule is None
    assert (opened.facts.family, opened.facts.T) == ("chain", L)
    assert {spec.name for spec in engine.ready().lenses if "chain" in spec.kinds} == set(LENSES)
    assert [spec.name for spec in engine.ready().chain_samplers] == ["ancestral"]


# --- up ---------------------------------------------------------------------------------------------------


def test_every_lens_draws_every_level(engine: Engine, chain: ModelRef) -> None:
    for t in range(L + 1):
        seen = look(engine, chain, t, partner=5)
        assert set(seen.tiles) == set(LENSES)
        for name, tile in seen.tiles.items():
            assert np.isfinite(tile.data).all(), name
            # The posterior itself is known for one level of two numbers alone.
            assert isinstance(tile, Missing) == (name == "latent_posterior"), name
    assert isinstance(look(engine, chain, 0).tiles["z_t"], Image)
    bars = look(engine, chain, 2).tiles["z_t"]
    assert isinstance(bars, Quantities)
    assert (bars.movable, len(bars.data), bars.names[0]) == (True, LEVELS[1], "z₂[0]")


def test_the_picture_is_the_data_and_levels_go_by_the_seed(engine: Engine, chain: ModelRef) -> None:
    model = engine.loaded(chain)
    np.testing.assert_array_equal(z(look(engine, chain, 0)), model.samples[2:4])
    for t in range(1, L + 1):
        same, other = look(engine, chain, t), look(engine, chain, t, source=Forward(2, 2, 8))
        np.testing.assert_array_equal(z(same), z(look(engine, chain, t)))
        assert not np.array_equal(z(same), z(other))
    # z = μ + σ ⊙ ε with one ε: the first sample is the same alone.
    np.testing.assert_allclose(z(look(engine, chain, 3)), z(look(engine, chain, 3, source=Forward(2, 1, 7))), atol=1e-6)


def test_going_down_the_kl_by_number_is_that_from_the_prior(engine: Engine, chain: ModelRef) -> None:
    """What z_t was drawn from is then p(z_t | z_{t+1}) itself, of which nothing differs."""
    for seen in run(engine, chain, count=1, lenses=("z_t", "kl")):
        if 1 <= seen.t <= L:
            drawn, kl = seen.tiles["z_t"], seen.tiles["kl"]
            assert isinstance(drawn, Quantities)
            mean, variance = drawn.centre.astype(float), drawn.spread.astype(float) ** 2
            np.testing.assert_allclose(kl.data, 0.5 * (mean**2 + variance - 1 - np.log(variance)), atol=1e-5)


def test_one_level_alone_is_a_vae(engine: Engine, tmp_path: Path) -> None:
    ref = ModelRef(str(write_chain(tmp_path, (2,))), "cpu")
    seen = look(engine, ref, 1)
    mapped = seen.tiles["latent_map"]
    assert isinstance(mapped, Points)
    assert mapped.mark == pytest.approx(tuple(z(seen)))  # the plane is the whole space
    assert "KL =" in seen.words
    assert len(seen.tiles["terms"].data) == 3


def test_by_hand_the_numbers_are_those_and_the_picture_follows(engine: Engine, chain: ModelRef) -> None:
    before = look(engine, chain, 1)
    after = look(engine, chain, 1, by_hand=ByHand(values=((0, 2.5), (3, -1.0))))
    changed = z(before).copy()
    changed[[0, 3]] = 2.5, -1.0
    np.testing.assert_allclose(z(after), changed)
    assert not np.array_equal(before.tiles["decoded"].data, after.tiles["decoded"].data)
    assert "by hand" in after.tiles["z_t"].note
    placed = look(engine, chain, 2, by_hand=ByHand((0.5, -1.5)))
    on_map = placed.tiles["latent_map"]
    assert isinstance(on_map, Points)
    assert on_map.mark == pytest.approx((0.5, -1.5), abs=1e-5)


def test_the_film_has_a_picture_for_each_level(engine: Engine, chain: ModelRef) -> None:
    times = (0, 0, 1, 1, 2, 3)
    (film,) = ask(engine, Film(chain, Forward(1, 1, 0), times))
    assert isinstance(film, FilmStrip)
    assert film.times == (0, 1, 2, 3)
    assert all(picture.shape == SHAPE for picture in film.thumbnails)


# --- down -------------------------------------------------------------------------------------------------


def test_a_run_goes_down_a_level_a_step(engine: Engine, chain: ModelRef) -> None:
    seen = run(engine, chain)
    assert [(one.step, one.t) for one in seen] == [(i, L - i) for i in range(L + 1)]
    assert seen[0].times == tuple(range(L, -1, -1))
    assert [one.finished for one in seen] == [False] * L + [True]
    np.testing.assert_array_equal(z(seen[-1]), seen[-2].tiles["decoded"].data)
    for one in seen:
        again = look(engine, chain, one.t, ("z_t", "decoded"), source=Replay(1, one.step))
        np.testing.assert_array_equal(z(again), z(one))
        assert again.replayed
    everything = look(engine, chain, 2, source=Replay(1, 1))
    assert isinstance(everything.tiles["terms"], Missing)  # nothing is known of how likely data are
    levels = everything.tiles["levels"]
    assert isinstance(levels, Image)
    assert levels.rows == ("z₃", "z₂")  # what is below has not been made yet


def test_a_batch_holds_its_single_runs(engine: Engine, chain: ModelRef) -> None:
    both = run(engine, chain)[-1].tiles["decoded"].data
    alone = run(engine, chain, 2, count=1, first=1)[-1].tiles["decoded"].data
    np.testing.assert_allclose(both[1:], alone, atol=1e-6)


def test_temperature_nought_takes_the_means(engine: Engine, chain: ModelRef) -> None:
    cold = run(engine, chain, parameters={"temperature": 0.0})
    assert not z(cold[0]).any()
    np.testing.assert_array_equal(z(cold[-1])[0], z(cold[-1])[1])
    with pytest.raises(ModelError, match="temperature is a number"):
        run(engine, chain, parameters={"temperature": -1})


def test_upper_levels_stay_and_lower_ones_are_drawn_anew(engine: Engine, chain: ModelRef) -> None:
    first = run(engine, chain)
    branch = run(engine, chain, 2, seed=11, branch_of=(1, 1))
    assert [one.step for one in branch] == [1, 2, 3]
    np.testing.assert_array_equal(z(branch[0]), z(first[1]))
    assert not np.array_equal(z(branch[1]), z(first[2]))
    # What is above the branch belongs to both.
    np.testing.assert_array_equal(z(look(engine, chain, 3, ("z_t",), source=Replay(2, 0))), z(first[0]))
    same = run(engine, chain, 3, branch_of=(1, 1))
    np.testing.assert_array_equal(z(same[-1]), z(first[-1]))


def test_a_run_goes_on_from_what_was_set_by_hand(engine: Engine, chain: ModelRef) -> None:
    first = run(engine, chain)
    branch = run(engine, chain, 2, branch_of=(1, 0), edited=ByHand(values=((1, 2.0),)))
    wanted = z(first[0]).copy()
    wanted[1] = 2.0
    np.testing.assert_allclose(z(branch[0]), wanted)
    assert not np.array_equal(z(branch[1]), z(first[1]))


def test_a_run_stops_and_goes_on(engine: Engine, chain: ModelRef) -> None:
    whole = run(engine, chain)
    begun = run(engine, chain, 2, until=1)
    assert [one.step for one in begun] == [0, 1]
    rest = run(engine, chain, 2, start=1)
    np.testing.assert_array_equal(z(rest[-1]), z(whole[-1]))


def test_two_runs_side_by_side(engine: Engine, chain: ModelRef) -> None:
    run(engine, chain)
    run(engine, chain, 2, seed=9)
    seen = look(engine, chain, 0, ("decoded",), source=Replay(2, L), against=1)
    assert seen.against == (1, L, 0)
    a, b = seen.tiles["decoded"].data, seen.tiles["decoded:b"].data
    np.testing.assert_allclose(seen.tiles["decoded:difference"].data, a - b)


def test_x_T_can_be_given(engine: Engine, chain: ModelRef) -> None:
    top = np.full((2, LEVELS[-1]), 0.25, np.float32)
    np.testing.assert_array_equal(z(run(engine, chain, initial=top)[0]), top[0])
    with pytest.raises(ModelError, match=r"z must have the shape \(2, 3\)"):
        run(engine, chain, initial=np.zeros((2, 9), np.float32))


# --- measured ---------------------------------------------------------------------------------------------


def test_the_bound_becomes_known_and_lies_below_the_weighted_one(engine: Engine, chain: ModelRef) -> None:
    found = [frame for frame in ask(engine, LatentBound(chain, PICTURES, 40)) if isinstance(frame, LatentBounded)]
    last = found[-1]
    assert (last.samples, last.finished, last.dimensions) == (PICTURES, True, 64)
    assert last.elbo.mean == pytest.approx(last.reconstruction.mean - sum(level.mean for level in last.levels))
    assert last.gap.mean == pytest.approx(last.weighted.mean - last.elbo.mean)
    assert last.gap.mean > -3 * last.gap.error
    assert last.curve[:, 0].tolist() == [16, 32, 40]
    assert (np.diff(last.curve[:, 1]) > -1e-6).all() or last.curve[-1, 1] > last.curve[0, 1]


# --- what there is not -------------------------------------------------------------------------------------


def requests(ref: ModelRef) -> Iterator[Request]:
    look = Look(ref, Forward(), 1, Guidance(), ())
    yield Run(ref, 1, "heun", 3, 0, 1, Guidance(), ())
    yield ScoreMatching(ref, 1, 2)
    yield Tabulate(ref)
    yield Train(ref, "denoising", 1e-3)
    yield Save(look, "x.html")
    yield Grid(ref, Axis("steps", (3,)), Axis("eta", (0.0,)), ())
    yield Look(ref, Forward(), 1, Guidance(), ("nonsense",))
    yield Look(ref, Replay(9, 0), 1, Guidance(), ())
    yield LatentBound(ref, 0, 5)


def test_what_does_not_apply_is_one_sentence(engine: Engine, chain: ModelRef) -> None:
    for request in requests(chain):
        with pytest.raises((ModelError, ValueError)) as error:
            ask(engine, request)
        assert "\n" not in str(error.value)
    assert ask(engine, Prepare(chain, 4)) == []


def test_a_diffusion_model_has_no_levels(engine: Engine, points: str) -> None:
    with pytest.raises(ModelError, match="no chain of latent variables"):
        ask(engine, LatentBound(ModelRef(points, "cpu"), 4, 4))


def test_going_from_a_chain_to_a_diffusion_model_and_back(engine: Engine, chain: ModelRef, points: str) -> None:
    run(engine, chain)
    ask(engine, Open(ModelRef(points, "cpu")))
    ask(engine, Open(chain))
    with pytest.raises(ModelError, match="no longer kept"):
        look(engine, chain, 1, source=Replay(1, 0))
