"""Guidance as the engine answers it: a look and a run, both kinds, against the closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from explorer.diffusion.schedules import cosine
from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.facts import GuidanceKind, ModelError
from explorer.formats.classifiers import find_classifier
from explorer.formats.registry import inspect
from explorer.paths import CHECKPOINTS
from explorer.request import Forward, Guidance, Look, ModelRef, Run
from tests.engine.models import T_PICTURES, T_POINTS, TRUTH

KINDS: tuple[GuidanceKind, ...] = ("classifier-free", "classifier")
DIGITS = str(CHECKPOINTS / "digits")


def score(engine: Engine, path: str, guidance: Guidance, t: int = 25, lens: str = "score") -> NDArray[np.float64]:
    source = Forward(0, 40 if engine.model(ModelRef(path, "cpu")).facts.kind == "points" else 3)
    (seen,) = engine.answer(Look(ModelRef(path, "cpu"), source, t, guidance, ("x_t", lens)))
    assert isinstance(seen, Seen)
    return seen.tiles[lens].data.astype(np.float64)


def run(engine: Engine, path: str, guidance: Guidance, sampler: str = "ddim", count: int = 6) -> NDArray[np.float64]:
    """Every x_t of a run, (steps + 1, count, …)."""
    list(engine.answer(Run(ModelRef(path, "cpu"), 1, sampler, 6, 3, count, guidance, (), {"clip": False})))
    return torch.stack([step.x for step in engine.trajectory(1).steps]).double().numpy()


@pytest.mark.parametrize("kind", ["pictures", "points", "learned_points"])
def test_0_is_exactly_the_unconditional_model_and_1_the_conditional_one(
    engine: Engine, kind: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kind)
    model = engine.model(ModelRef(path, "cpu"))
    x_t = score(engine, path, Guidance(), lens="x_t")
    x = torch.from_numpy(x_t).float()
    label = torch.ones(len(x), dtype=torch.int64)
    with torch.inference_mode():
        unconditional, conditional = model.denoiser(x, 25).score, model.denoiser(x, 25, label).score
    np.testing.assert_array_equal(score(engine, path, Guidance(1, 0.0)), unconditional.double())
    np.testing.assert_array_equal(score(engine, path, Guidance(1, 1.0)), conditional.double())
    np.testing.assert_array_equal(run(engine, path, Guidance(1, 0.0)), run(engine, path, Guidance()))
    assert not np.array_equal(run(engine, path, Guidance(1, 1.0)), run(engine, path, Guidance()))


@pytest.mark.parametrize("t", [1, 20, 45, T_POINTS - 1])
def test_the_exact_posterior_makes_the_conditional_score(engine: Engine, points: str, t: int) -> None:
    """∇ log p(x_t) + ∇ log p(y | x_t) = ∇ log p(x_t | y), the score of one Gaussian."""
    x_t = score(engine, points, Guidance(), t, "x_t")
    a, s = cosine(T_POINTS).signal(t), cosine(T_POINTS).noise(t)
    means, covariances = (np.array(TRUTH[name]) for name in ("means", "covariances"))
    for label in range(2):
        covariance = a * a * covariances[label] + s * s * np.eye(2)
        expected = -(x_t - a * means[label]) @ np.linalg.inv(covariance)
        found = score(engine, points, Guidance(label, 1.0, "classifier"), t)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_both_kinds_are_one_for_the_truth(engine: Engine, points: str) -> None:
    for scale, interval in ((3.0, None), (0.5, None), (3.0, (30.0, 60.0))):
        free, classified = (Guidance(0, scale, kind, interval) for kind in KINDS)
        np.testing.assert_allclose(run(engine, points, classified), run(engine, points, free), rtol=1e-3, atol=1e-3)


def test_a_run_led_by_the_posterior_lands_in_its_component(engine: Engine, learned_points: str, points: str) -> None:
    for label, side in (0, -1), (1, 1):
        ends = run(engine, points, Guidance(label, 1.0, "classifier"), count=40)[-1]
        assert (np.sign(ends[:, 0]) == side).mean() > 0.9
    # The learned model is steered by the exact posterior too: its own labels are not asked.
    assert np.isfinite(run(engine, learned_points, Guidance(1, 2.0, "classifier"))).all()


def test_the_first_request_may_be_a_guided_look(points: str) -> None:
    """The model is then read in inference mode, of whose tensors nothing can be differentiated."""
    look = Look(ModelRef(points, "cpu"), Forward(0, 5), 25, Guidance(0, 2.0, "classifier"), ("score",))
    (seen,) = Engine().answer(look)
    assert isinstance(seen, Seen)
    assert np.isfinite(seen.tiles["score"].data).all()


@pytest.mark.parametrize("kind", KINDS)
def test_outside_the_interval_the_model_is_the_conditional_one(engine: Engine, points: str, kind: GuidanceKind) -> None:
    def at(t: int, scale: float, interval: tuple[float, float] | None = None) -> NDArray[np.float64]:
        return score(engine, points, Guidance(1, scale, kind, interval), t)

    for t, guided in ((19, False), (20, True), (40, True), (41, False)):
        np.testing.assert_array_equal(at(t, 4.0, (20, 40)), at(t, 4.0 if guided else 1.0))


def test_rescale_holds_the_contrast(engine: Engine, pictures: str) -> None:
    conditional = score(engine, pictures, Guidance(1), lens="eps")
    rescaled = score(engine, pictures, Guidance(1, 8.0, rescale=1.0), lens="eps")
    plain = score(engine, pictures, Guidance(1, 8.0), lens="eps")
    np.testing.assert_allclose(rescaled.std((1, 2, 3)), conditional.std((1, 2, 3)), rtol=1e-5)
    assert (plain.std((1, 2, 3)) > rescaled.std((1, 2, 3))).all()


def test_what_has_no_classifier(engine: Engine, pictures: str) -> None:
    assert inspect(pictures).classifier is None
    with pytest.raises(ModelError, match="No classifier fits"):
        score(engine, pictures, Guidance(1, 2.0, "classifier"), T_PICTURES // 2)


@pytest.mark.skipif(not (CHECKPOINTS / "digits-classifier").is_dir(), reason="the checkpoints are not here")
def test_the_shipped_classifier_leads_the_digits(engine: Engine) -> None:
    facts = inspect(DIGITS)
    assert facts.classifier is not None
    assert facts.classifier.class_names == facts.class_names
    assert "Digits classifier" in facts.classifier.title
    other = tuple(reversed(facts.class_names))
    assert find_classifier(CHECKPOINTS / "digits", facts.shape, facts.value_range, other) is None
    assert find_classifier(CHECKPOINTS / "digits", (3, 28, 28), facts.value_range, facts.class_names) is None
    assert find_classifier(CHECKPOINTS / "digits", facts.shape, (0.0, 1.0), facts.class_names) is None

    plain = score(engine, DIGITS, Guidance(), 600, "x0")
    led = score(engine, DIGITS, Guidance(3, 5.0, "classifier"), 600, "x0")
    model = engine.model(ModelRef(DIGITS, "cpu"))
    assert model.classifier is not None
    read = model.classifier()
    before, after = (read(torch.from_numpy(x).float(), 0)[:, 3] for x in (plain, led))
    assert bool((after > before).all())
    # And through a run: two steps from noise.
    list(engine.answer(Run(ModelRef(DIGITS, "cpu"), 1, "ddim", 2, 0, 1, Guidance(3, 2.0, "classifier"), ("x0",))))
    assert bool(torch.isfinite(engine.trajectory(1).steps[-1].x).all())
