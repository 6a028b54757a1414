"""What the model says at (x_t, t): the tiles against the equations, and ε against its address."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.schedules import cosine
from explorer.engine.engine import Engine
from explorer.engine.frame import FilmStrip, Opened, Progress, Seen
from explorer.facts import ModelError
from explorer.lenses.drawable import Field, Missing
from explorer.request import Film, Forward, Guidance, Look, ModelRef, Open, Replay, Run
from tests.engine.models import (
    PICTURES,
    POINTS,
    SHAPE,
    T_PICTURES,
    T_POINTS,
    change_weights,
    sheet_pictures,
    write_pictures,
    write_points,
)

CPU = torch.device("cpu")
KINDS = {"pictures": T_PICTURES, "plain_pictures": T_PICTURES, "points": T_POINTS, "learned_points": T_POINTS}


def look(
    engine: Engine,
    path: str,
    t: int,
    source: Forward | Replay = Forward(),  # noqa: B008 — frozen
    guidance: Guidance = Guidance(),  # noqa: B008
    lenses: tuple[str, ...] = ("x_t", "x0", "eps", "score"),
) -> Seen:
    (frame,) = engine.answer(Look(ModelRef(path, "cpu"), source, t, guidance, lenses))
    assert isinstance(frame, Seen)
    return frame


def tile(seen: Seen, name: str) -> NDArray[np.float64]:
    return seen.tiles[name].data.astype(np.float64)


def assert_close(found: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    """To 1e-5 of the greatest number on either side."""
    scale = max(float(np.abs(expected).max()), float(np.abs(found).max()))
    assert float(np.abs(found - expected).max()) <= 1e-5 * scale


# --- the equations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_tiles_say_the_same_thing(
    engine: Engine, kind: str, fraction: float, request: pytest.FixtureRequest
) -> None:
    T = KINDS[kind]
    t = round(fraction * T)
    a, s = cosine(T).signal(t), cosine(T).noise(t)
    seen = look(engine, request.getfixturevalue(kind), t, Forward(1, 3))
    assert (seen.a, seen.s, seen.t) == (a, s, t)
    x_t, x0, eps, score = (tile(seen, name) for name in ("x_t", "x0", "eps", "score"))
    assert_close(a * x0 + s * eps, x_t)
    assert_close(score, -eps / s)
    assert np.abs(eps).max() > 0


def test_v_turns_x0_and_eps_about(engine: Engine, pictures: str, plain_pictures: str) -> None:
    for path in pictures, plain_pictures:  # which predict ε and v
        seen = look(engine, path, 20, lenses=("x0", "eps", "v"))
        assert_close(tile(seen, "v"), seen.a * tile(seen, "eps") - seen.s * tile(seen, "x0"))


@pytest.mark.parametrize("kind", KINDS)
def test_at_t_0_there_is_only_the_data(engine: Engine, kind: str, request: pytest.FixtureRequest) -> None:
    seen = look(engine, request.getfixturevalue(kind), 0, Forward(2, 2))
    np.testing.assert_array_equal(tile(seen, "x0"), tile(seen, "x_t"))
    np.testing.assert_array_equal(tile(seen, "eps"), 0)
    score = seen.tiles["score"]
    if kind == "points":  # the exact model knows the score of the data too
        assert isinstance(score, Field)
        assert np.isfinite(score.data).all()
    else:
        assert isinstance(score, Missing)
        assert score.data.shape == seen.tiles["x_t"].data.shape
        assert np.isnan(score.data).all()
        assert "t = 0" in score.why


def test_the_exact_score_is_the_gradient_of_the_log_density(engine: Engine, points: str) -> None:
    seen = look(engine, points, 25, Forward(0, 4))
    truth = engine.model(ModelRef(points, "cpu")).truth
    assert truth is not None
    x = torch.from_numpy(tile(seen, "x_t"))
    truth = type(truth)(truth.weights.double(), truth.means.double(), truth.covariances.double())
    h = 1e-5
    for d in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[d] = h
        slope = (truth.log_density(x + step, seen.a, seen.s) - truth.log_density(x - step, seen.a, seen.s)) / (2 * h)
        np.testing.assert_allclose(tile(seen, "score")[:, d], slope.numpy(), rtol=1e-3, atol=1e-4)


# --- x_t = a x_0 + s ε -----------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0, 1, 25, T_PICTURES])
def test_pictures_are_noised_by_addressed_noise(engine: Engine, pictures: str, t: int) -> None:
    found = look(engine, pictures, t, Forward(1, 3, noise_seed=7), lenses=("x_t",)).tiles["x_t"].data
    bytes_ = sheet_pictures()[1:4].transpose(0, 3, 1, 2)
    x_0 = torch.from_numpy(bytes_).double() / 127.5 - 1
    eps = NoiseSource(7, 3, SHAPE, CPU)(0, Stream.FORWARD).double()
    a, s = cosine(T_PICTURES).signal(t), cosine(T_PICTURES).noise(t)
    np.testing.assert_allclose(found, (a * x_0 + s * eps).numpy(), rtol=1e-6, atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("t", [0, 30, T_POINTS])
def test_points_are_noised_by_addressed_noise(engine: Engine, points: str, t: int) -> None:
    samples = engine.model(ModelRef(points, "cpu")).samples
    found = look(engine, points, t, Forward(0, POINTS, 1), lenses=("x_t",)).tiles["x_t"].data
    eps = NoiseSource(1, POINTS, (2,), CPU)(0, Stream.FORWARD).numpy()
    a, s = cosine(T_POINTS).signal(t), cosine(T_POINTS).noise(t)
    np.testing.assert_allclose(found, a * samples + s * eps, rtol=1e-6, atol=1e-6)


def test_the_seed_locks_the_noise(engine: Engine, pictures: str) -> None:
    def x_t(seed: int, engine: Engine = engine) -> NDArray[np.float32]:
        return look(engine, pictures, 20, Forward(noise_seed=seed), lenses=("x_t",)).tiles["x_t"].data

    np.testing.assert_array_equal(x_t(4), x_t(4))
    np.testing.assert_array_equal(x_t(4), x_t(4, Engine()))
    assert not np.array_equal(x_t(4), x_t(5))


def test_along_t_the_noise_stays_the_same(engine: Engine, pictures: str) -> None:
    x_0 = tile(look(engine, pictures, 0), "x_t")
    found = []
    for t in 10, 40:
        seen = look(engine, pictures, t)
        found.append((tile(seen, "x_t") - seen.a * x_0) / seen.s)
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


@pytest.mark.parametrize(("kind", "T"), [("pictures", T_PICTURES), ("points", T_POINTS)])
def test_a_batch_begins_with_the_single_picture(
    engine: Engine, kind: str, T: int, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kind)
    for t in 0, T // 2, T:
        one, four = (look(engine, path, t, Forward(1, n, 3)) for n in (1, 4))
        np.testing.assert_array_equal(four.tiles["x_t"].data[0], one.tiles["x_t"].data[0])
        for name in "x0", "eps":
            np.testing.assert_allclose(four.tiles[name].data[:1], one.tiles[name].data, rtol=1e-4, atol=1e-4)


def test_more_samples_than_there_are_begin_again(engine: Engine, pictures: str) -> None:
    data = look(engine, pictures, 0, Forward(PICTURES - 1, 3), lenses=("x_t",)).tiles["x_t"].data
    np.testing.assert_array_equal(data[1], look(engine, pictures, 0, lenses=("x_t",)).tiles["x_t"].data[0])


def test_a_picture_file_as_x_0(engine: Engine, pictures: str, tmp_path: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (8, 8)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "mine.png")
    source = Forward(noise_seed=2, picture=str(tmp_path / "mine.png"))
    clean = look(engine, pictures, 0, source, lenses=("x_t",)).tiles["x_t"].data
    np.testing.assert_allclose(clean[0, 0], grey / 127.5 - 1, atol=1e-6)
    noisy = look(engine, pictures, 30, source, lenses=("x_t",))
    eps = NoiseSource(2, 1, SHAPE, CPU)(0, Stream.FORWARD).numpy()
    np.testing.assert_allclose(noisy.tiles["x_t"].data, noisy.a * clean + noisy.s * eps, atol=1e-6)


def test_the_filmstrip_shows_x_t(engine: Engine, pictures: str, points: str) -> None:
    for path, times, source in (pictures, (0, 17, T_PICTURES), Forward(2, 1, 5)), (points, (0, 30), Forward(0, 40, 5)):
        (film,) = engine.answer(Film(ModelRef(path, "cpu"), source, times))
        assert isinstance(film, FilmStrip)
        assert film.times == times
        for t, thumbnail in zip(times, film.thumbnails, strict=True):
            x_t = look(engine, path, t, source, lenses=("x_t",)).tiles["x_t"].data
            np.testing.assert_array_equal(
                thumbnail if path == pictures else thumbnail[:, :2], x_t[0] if path == pictures else x_t
            )
    # The colour of a point is that of the piece its x_0 belongs to, wherever the noise has taken it.
    assert isinstance(film, FilmStrip)
    at_data, in_noise = film.thumbnails
    np.testing.assert_array_equal(in_noise[:, 2], at_data[:, 2])
    assert {0, 1} == set(at_data[:, 2])


# --- label, guidance, calls ------------------------------------------------------------------------------


def test_label_and_guidance_reach_the_network(engine: Engine, pictures: str) -> None:
    def eps(guidance: Guidance) -> NDArray[np.float64]:
        return tile(look(engine, pictures, 25, guidance=guidance), "eps")

    without, one, two = (eps(Guidance(label)) for label in (None, 1, 2))
    assert np.abs(one - two).max() > 1e-3
    assert np.abs(one - without).max() > 1e-3
    np.testing.assert_allclose(eps(Guidance(1, 0.0)), without, atol=1e-6)
    np.testing.assert_allclose(eps(Guidance(1, 3.0)), without + 3 * (one - without), rtol=1e-4, atol=1e-4)


def test_a_label_of_the_exact_model_is_a_component(engine: Engine, points: str) -> None:
    left, right = (tile(look(engine, points, T_POINTS, Forward(0, 20), Guidance(k)), "x0") for k in (0, 1))
    assert left[:, 0].mean() < 0 < right[:, 0].mean()


def test_calls_of_the_network_are_counted(engine: Engine, pictures: str, points: str) -> None:
    assert look(engine, pictures, 20).network_calls == 1
    assert look(engine, pictures, 20, guidance=Guidance(1, 3.0)).network_calls == 1  # both halves as one batch
    seen = look(engine, points, 20, lenses=("x_t",))
    assert seen.network_calls == 1
    assert seen.network_seconds > 0
    assert look(engine, points, 20).network_calls == 2  # the lattice of the score's arrows


def test_lenses_are_drawn_in_the_order_asked_for(engine: Engine, pictures: str) -> None:
    assert list(look(engine, pictures, 20, lenses=("eps", "x_t")).tiles) == ["eps", "x_t"]
    assert look(engine, pictures, 20, lenses=()).tiles == {}


def test_lenses_of_pictures_are_left_out_for_points(engine: Engine, points: str) -> None:
    assert list(look(engine, points, 20, lenses=("v", "x_t")).tiles) == ["x_t"]


# --- what can go wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [-1, T_PICTURES + 1])
def test_times_that_do_not_exist(engine: Engine, pictures: str, t: int) -> None:
    with pytest.raises(ValueError, match="0 … 50"):
        look(engine, pictures, t)


def test_unknown_lens(engine: Engine, pictures: str) -> None:
    with pytest.raises(ModelError, match=r"no lens called “x_ray”; known are x_t, "):
        look(engine, pictures, 10, lenses=("x_t", "x_ray"))


def test_a_picture_for_points(engine: Engine, points: str, tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ModelError, match="grey or RGB pictures only"):
        look(engine, points, 10, Forward(picture=str(tmp_path / "a.png")))


def test_a_model_without_samples(engine: Engine, folder: Path) -> None:
    write_pictures(folder)
    sheet = (folder / "samples.png").read_bytes()
    (folder / "samples.png").write_bytes(sheet[:-40])  # its header is whole, so its facts promise samples
    with pytest.raises(ModelError, match="without samples"):
        look(engine, str(folder), 10)


def test_a_step_that_is_not_there(engine: Engine, points: str) -> None:
    with pytest.raises(ModelError, match="no longer kept"):
        look(engine, points, 0, Replay(1, 0))
    list(engine.answer(Run(ModelRef(points, "cpu"), 1, "ddim", 3, 0, 1, Guidance(), ())))
    for step in -1, 4:
        with pytest.raises(ModelError, match=f"Step {step} of this run"):
            look(engine, points, 0, Replay(1, step))


def test_a_network_that_overflows(engine: Engine, folder: Path) -> None:
    write_points(folder, "mlp")
    change_weights(folder, 1e20)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"^The network returned values that are not finite at t = 30\.$"):
            look(engine, str(folder), 30)
    assert look(engine, str(folder), 0).t == 0  # where no network is asked


def test_more_samples_than_memory(engine: Engine, points: str) -> None:
    with pytest.raises(ModelError, match=r"needs at least [\d,]+ GB"):
        look(engine, points, 30, Forward(0, 10**13))


# --- opening ---------------------------------------------------------------------------------------------


def test_opening_tells_what_was_opened(engine: Engine, pictures: str) -> None:
    *progress, opened = engine.answer(Open(ModelRef(pictures, "cpu")))
    assert progress
    assert all(isinstance(frame, Progress) for frame in progress)
    assert isinstance(opened, Opened)
    assert (opened.facts.T, opened.facts.sample_count, opened.device) == (T_PICTURES, PICTURES, "cpu")
    table, schedule = opened.schedule, cosine(T_PICTURES)
    assert table is not None
    np.testing.assert_array_equal(table.t, np.arange(T_PICTURES + 1))
    assert table.betas is not None
    np.testing.assert_allclose(table.signal**2 + table.noise**2, 1)
    np.testing.assert_allclose(np.cumprod(1 - table.betas), table.signal**2)
    assert table.log_snr[0] == np.inf
    assert table.log_snr[20] == pytest.approx(schedule.log_snr(20))


def test_a_model_that_cannot_be_opened_leaves_the_old_one(engine: Engine, points: str, tmp_path: Path) -> None:
    list(engine.answer(Run(ModelRef(points, "cpu"), 1, "ddim", 3, 0, 1, Guidance(), ())))
    old = engine.model(ModelRef(points, "cpu"))
    for path in str(tmp_path / "absent"), str(tmp_path):
        with pytest.raises(ModelError):
            list(engine.answer(Open(ModelRef(path, "cpu"))))
    with pytest.raises(ModelError, match="cuda:99"):
        list(engine.answer(Open(ModelRef(points, "cuda:99"))))
    assert engine.model(ModelRef(points, "cpu")) is old
    assert look(engine, points, 0, Replay(1, 3)).finished


def test_opening_again_reads_again_and_keeps_what_it_had_where_that_fails(engine: Engine, folder: Path) -> None:
    ref = ModelRef(str(write_points(folder, "mlp")), "cpu")
    list(engine.answer(Open(ref)))
    before = look(engine, ref.path, 30).tiles["eps"].data
    change_weights(folder, 2.0)
    list(engine.answer(Open(ref)))
    changed = look(engine, ref.path, 30).tiles["eps"].data
    assert not np.array_equal(before, changed)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError):
        list(engine.answer(Open(ref)))
    np.testing.assert_array_equal(look(engine, ref.path, 30).tiles["eps"].data, changed)


def test_the_users_facts_are_used(engine: Engine, pictures: str) -> None:
    ref = ModelRef(pictures, "cpu", (("prediction", "v"),))
    *_, opened = engine.answer(Open(ref))
    assert isinstance(opened, Opened)
    assert opened.facts.prediction == "v"
    (seen,) = engine.answer(Look(ref, Forward(), 30, Guidance(), ("x0", "eps", "v")))
    assert isinstance(seen, Seen)
    plain = look(engine, pictures, 30, lenses=("eps",))
    np.testing.assert_allclose(seen.tiles["v"].data, plain.tiles["eps"].data, atol=1e-6)  # the network's own output
