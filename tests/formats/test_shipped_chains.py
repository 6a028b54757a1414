"""The shipped chains of latent variables: what their cards say of them, measured again."""

from __future__ import annotations

import json

import pytest

from explorer.engine.engine import Engine
from explorer.engine.likelihood_frame import LatentBounded
from explorer.formats.model import LatentModel
from explorer.formats.registry import inspect, load_any
from explorer.paths import CHECKPOINTS
from explorer.request import LatentBound, ModelRef
from explorer.training.latent import chain_quality

LEVELS = {"vae": 1, "vae_2d": 1, "hvae": 3}
CONFIDENT = 0.85
SHARE = "share_of_prior_samples_with_confidence_at_least_0.8"


@pytest.mark.parametrize("name", LEVELS)
def test_it_opens_with_a_card_and_pictures(name: str) -> None:
    facts = inspect(CHECKPOINTS / name)
    assert (facts.family, facts.T) == ("chain", LEVELS[name])
    assert facts.sample_count >= 100
    assert len(facts.sample_labels) == facts.sample_count
    assert len(facts.summary) > 200
    assert not facts.warnings


@pytest.mark.parametrize("name", LEVELS)
def test_the_elbo_is_never_above_the_weighted_bound(name: str) -> None:
    ref = ModelRef(str(CHECKPOINTS / name), "cpu")
    *_, found = Engine().answer(LatentBound(ref, 100, 32))
    assert isinstance(found, LatentBounded)
    assert found.finished
    assert found.gap.mean > -3 * found.gap.error
    assert found.gap.mean > 0
    assert -170 < found.elbo.mean < -70  # nats: a good model of these digits, and none that cheats


@pytest.mark.parametrize("name", LEVELS)
def test_draws_from_the_prior_are_read_as_digits(name: str) -> None:
    model = load_any(CHECKPOINTS / name, "cpu")
    assert isinstance(model, LatentModel)
    quality = chain_quality(model.chain, progress=lambda _: None)
    assert quality[SHARE] >= CONFIDENT
    assert min(quality["classes_seen"]) >= 1_000 / 10 / 4  # all ten of them
    card = json.loads((CHECKPOINTS / name / "explorer.json").read_text(encoding="utf-8"))
    assert card["quality"][SHARE] == pytest.approx(quality[SHARE], abs=0.01)
