"""The shipped mixture that needs no network: the truth of the trained one, and what only a known density allows."""

from __future__ import annotations

import json
from typing import Any

import torch

from explorer.diffusion.denoiser import log_density
from explorer.formats.registry import inspect, load
from explorer.paths import CHECKPOINTS

EXACT, TRAINED = CHECKPOINTS / "mixture-exact", CHECKPOINTS / "mixture"


def configuration(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((CHECKPOINTS / name / "config.json").read_text(encoding="utf-8"))
    return values


def test_both_mixtures_are_of_one_truth() -> None:
    exact, trained = configuration("mixture-exact"), configuration("mixture")
    for key in ("truth", "schedule", "class_names", "shape"):
        assert exact[key] == trained[key]
    assert inspect(EXACT).density_known
    assert not inspect(TRAINED).density_known
    assert inspect(EXACT).class_names == inspect(TRAINED).class_names


def test_its_score_is_the_gradient_of_its_density_and_nearly_the_networks() -> None:
    exact, trained = load(EXACT, "cpu"), load(TRAINED, "cpu")
    for t in (200, 500):
        x = torch.randn(200, 2, generator=torch.Generator().manual_seed(t)).requires_grad_()
        (gradient,) = torch.autograd.grad(log_density(exact.denoiser, x, t).sum(), x)
        score = exact.denoiser(x.detach(), t).score
        torch.testing.assert_close(gradient, score, rtol=1e-3, atol=1e-3)
        with torch.inference_mode():
            error = trained.denoiser(x.detach(), t).score - score
        assert float(error.square().mean().sqrt()) < 0.15 * float(score.square().mean().sqrt())
