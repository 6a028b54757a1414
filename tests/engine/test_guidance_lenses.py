"""What the lenses of guidance show: the parts that a guided answer is made of, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.facts import GuidanceKind
from explorer.lenses.drawable import Arrows, Fan, Image, Missing
from explorer.request import Forward, Guidance, Look, ModelRef, Replay, Run

LENSES = ("eps", "cond", "uncond", "guided", "guidance")
KINDS: tuple[GuidanceKind, ...] = ("classifier-free", "classifier")


def look(engine: Engine, path: str, guidance: Guidance, t: int = 25, n: int = 4) -> Seen:
    (seen,) = engine.answer(Look(ModelRef(path, "cpu"), Forward(0, n), t, guidance, LENSES))
    assert isinstance(seen, Seen)
    return seen


def run(engine: Engine, path: str, guidance: Guidance) -> list[Seen]:
    frames = engine.answer(Run(ModelRef(path, "cpu"), 1, "ddim", 5, 0, 3, guidance, LENSES))
    return [frame for frame in frames if isinstance(frame, Seen)]


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_make_the_whole(engine: Engine, points: str, kind: GuidanceKind, scale: float) -> None:
    tiles = look(engine, points, Guidance(1, scale, kind)).tiles
    conditional, unconditional, guided, difference = (tiles[name].data for name in LENSES[1:])
    np.testing.assert_array_equal(guided, tiles["eps"].data)
    np.testing.assert_allclose(conditional - unconditional, difference, atol=1e-6)
    np.testing.assert_allclose(unconditional + scale * difference, guided, atol=1e-5)
    np.testing.assert_array_equal(unconditional, look(engine, points, Guidance()).tiles["eps"].data)
    alone = look(engine, points, Guidance(1, 1.0, kind)).tiles["eps"].data
    np.testing.assert_allclose(conditional, alone, atol=1e-6)


def test_pictures(engine: Engine, pictures: str) -> None:
    seen = look(engine, pictures, Guidance(1, 3.0))
    assert all(isinstance(seen.tiles[name], Image) for name in LENSES)
    difference = seen.tiles["guidance"].data.astype(np.float64)
    rms = float(np.sqrt(np.mean(difference**2)))
    assert rms > 0.01
    assert f"r.m.s. {rms:.3f}" in seen.tiles["guidance"].note
    assert seen.scalars["guidance"] == pytest.approx(rms, rel=1e-5)


def test_without_noise_there_is_nothing_to_compare(engine: Engine, pictures: str) -> None:
    tiles = look(engine, pictures, Guidance(1, 3.0), t=0).tiles
    assert {type(tiles[name]) for name in LENSES} == {Missing}


def test_points_have_three_arrows_each(engine: Engine, points: str) -> None:
    for n in (40, 200):
        seen = look(engine, points, Guidance(1, 3.0), n=n)
        fan = seen.tiles["guidance"]
        assert isinstance(fan, Fan)
        assert fan.data.shape == (n, 2)
        assert fan.vectors.shape == (3, len(fan.origins), 2)
        assert 30 < len(fan.origins) <= 60
        step = -(-n // len(fan.origins))
        for vectors, name in zip(fan.vectors, ("cond", "uncond", "guided"), strict=True):
            np.testing.assert_array_equal(vectors, seen.tiles[name].data[::step])
        assert fan.scale == -seen.s
        assert isinstance(seen.tiles["cond"], Arrows)


def test_without_a_label_there_is_one_answer_alone(engine: Engine, pictures: str, points: str) -> None:
    for path in pictures, points:
        seen = look(engine, path, Guidance())
        np.testing.assert_array_equal(seen.tiles["uncond"].data, seen.tiles["eps"].data)
        for name in ("cond", "guidance"):
            missing = seen.tiles[name]
            assert isinstance(missing, Missing)
            assert "label" in missing.why
            assert missing.data.shape == seen.tiles["eps"].data.shape
        assert "guidance" not in seen.scalars
        assert seen.network_calls == 1


def test_the_network_is_asked_again_only_where_it_must_be(engine: Engine, pictures: str) -> None:
    assert look(engine, pictures, Guidance(1, 3.0)).network_calls == 1  # both halves as one batch
    assert look(engine, pictures, Guidance(1, 1.0)).network_calls == 2  # once for all the lenses
    # The picture at t = 0 shows both halves of the step before it, of which a run keeps the mixture alone.
    assert [seen.network_calls for seen in run(engine, pictures, Guidance(1, 3.0))] == [1, 1, 1, 1, 1, 2]


def test_a_run_tells_how_much_the_label_changes(engine: Engine, pictures: str, points: str) -> None:
    for path in pictures, points:
        for seen in run(engine, path, Guidance(1, 3.0)):
            if seen.t > 0:
                data = seen.tiles["guidance"].data.astype(np.float64)
                assert seen.scalars["guidance"] == pytest.approx(np.sqrt(np.mean(data**2)), rel=1e-4)
        assert all("guidance" not in seen.scalars for seen in run(engine, path, Guidance()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_step_shows_the_same(engine: Engine, points: str, kind: GuidanceKind) -> None:
    guidance = Guidance(1, 3.0, kind)
    for seen in run(engine, points, guidance)[1:4]:
        *_, again = engine.answer(Look(ModelRef(points, "cpu"), Replay(1, seen.step), 0, guidance, LENSES))
        assert isinstance(again, Seen)
        for name in LENSES:
            np.testing.assert_allclose(again.tiles[name].data, seen.tiles[name].data, atol=1e-6)
