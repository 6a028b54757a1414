"""Classifier-free guidance."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.diffusion.denoiser import Condition, NetworkDenoiser
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.mixture import MixtureDenoiser
from explorer.diffusion.prediction import KINDS
from explorer.diffusion.schedules import cosine

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
T = 400


def test_0_and_1_are_exactly_the_two_halves(exact: MixtureDenoiser, points: Tensor) -> None:
    for scale, expected in ((0.0, exact(points, T)), (1.0, exact(points, T, LABELS))):
        guided = ClassifierFreeGuidance(exact, LABELS, scale)(points, T)
        assert torch.equal(guided.output, expected.output)
        assert torch.equal(guided.x0, expected.x0)


@pytest.mark.parametrize("scale", [-1.0, 0.25, 0.5, 2.0, 7.5])
@pytest.mark.parametrize("form", KINDS)
def test_every_form_is_linear_in_the_scale(exact: MixtureDenoiser, points: Tensor, scale: float, form: str) -> None:
    guided = getattr(ClassifierFreeGuidance(exact, LABELS, scale)(points, T), form)
    conditional, unconditional = getattr(exact(points, T, LABELS), form), getattr(exact(points, T), form)
    torch.testing.assert_close(guided, scale * conditional + (1 - scale) * unconditional, rtol=1e-4, atol=1e-4)


def test_the_guided_score_is_that_of_the_tilted_density(exact: MixtureDenoiser, points: Tensor) -> None:
    """γ s(x, y) + (1 − γ) s(x) = ∇ log p(x) p(y|x)^γ, the exact classifier being the responsibilities."""
    mixture, schedule = exact.mixture, exact.schedule
    a, s = schedule.signal(T), schedule.noise(T)
    leaf = points.clone().requires_grad_()
    log_classifier = mixture.responsibilities(leaf, a, s).gather(1, LABELS.unsqueeze(1)).log().sum()
    (gradient,) = torch.autograd.grad(log_classifier, leaf)
    guided = ClassifierFreeGuidance(exact, LABELS, 3.0)(points, T).score
    torch.testing.assert_close(guided, mixture.score(points, a, s) + 3.0 * gradient, rtol=1e-3, atol=1e-3)


def test_the_halves_are_told_apart_in_one_call(points: Tensor) -> None:
    calls: list[tuple[int, list[int] | None]] = []

    def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        calls.append((len(x_t), None if condition is None else condition.tolist()))
        return x_t

    denoiser = NetworkDenoiser(network, cosine(1000), "eps")
    for scale in (0.0, 1.0, 2.0):
        ClassifierFreeGuidance(denoiser, LABELS, scale)(points, T)
    ClassifierFreeGuidance(denoiser, None, 2.0)(points, T)
    labels = LABELS.tolist()
    assert calls == [(6, None), (6, labels), (12, labels + [-1] * 6), (6, None)]


def test_both_halves(exact: MixtureDenoiser, points: Tensor) -> None:
    conditional, unconditional = ClassifierFreeGuidance(exact, LABELS, 2.0).both(points, T, LABELS)
    assert torch.equal(conditional.x_t, points)
    torch.testing.assert_close(conditional.score, exact(points, T, LABELS).score)
    torch.testing.assert_close(unconditional.score, exact(points, T).score)


def test_a_condition_replaces_the_labels(exact: MixtureDenoiser, points: Tensor) -> None:
    other = LABELS.flip(0)
    guided = ClassifierFreeGuidance(exact, LABELS, 2.0)
    expected = ClassifierFreeGuidance(exact, other, 2.0)(points, T)
    assert torch.equal(guided(points, T, other).output, expected.output)
    assert guided.schedule is exact.schedule


def test_at_t_0_guidance_changes_nothing(points: Tensor) -> None:
    denoiser = NetworkDenoiser(lambda x_t, t, condition: x_t, cosine(1000), "eps")
    assert torch.equal(ClassifierFreeGuidance(denoiser, LABELS, 2.0)(points, 0).x0, points)


# Interval and rescale


def test_both_refinements_are_off_by_default(exact: MixtureDenoiser, points: Tensor) -> None:
    plain = ClassifierFreeGuidance(exact, LABELS, 3.0)(points, T)
    neutral = ClassifierFreeGuidance(exact, LABELS, 3.0, interval=(0, 1000), rescale=0.0)(points, T)
    assert torch.equal(plain.output, neutral.output)


def test_outside_the_interval_the_model_is_the_conditional_one(exact: MixtureDenoiser, points: Tensor) -> None:
    for scale in (0.0, 3.0):
        guided = ClassifierFreeGuidance(exact, LABELS, scale, interval=(200, 600))
        everywhere = ClassifierFreeGuidance(exact, LABELS, scale)
        assert [guided.scale_at(t) for t in (199, 200, 600, 601)] == [1, scale, scale, 1]
        for t in (200, 400, 600):
            assert torch.equal(guided(points, t).output, everywhere(points, t).output)
        for t in (199, 601, 1000):
            assert torch.equal(guided(points, t).output, exact(points, t, LABELS).output)


def picture_model() -> NetworkDenoiser:
    def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        assert condition is not None
        return x_t * (2 + condition.view(-1, 1, 1, 1)) + condition.view(-1, 1, 1, 1)

    return NetworkDenoiser(network, cosine(1000), "v")


def test_rescale_brings_back_the_conditional_contrast() -> None:
    """Lin et al. 2024, eqs. 15 and 16."""
    x_t = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    labels, model = torch.tensor([0, 1, 2]), picture_model()
    conditional = model(x_t, T, labels).output
    plain = ClassifierFreeGuidance(model, labels, 4.0)(x_t, T).output
    whole = ClassifierFreeGuidance(model, labels, 4.0, rescale=1.0)(x_t, T).output
    partly = ClassifierFreeGuidance(model, labels, 4.0, rescale=0.7)(x_t, T).output
    torch.testing.assert_close(whole.std((1, 2, 3)), conditional.std((1, 2, 3)))
    torch.testing.assert_close(partly, 0.7 * whole + 0.3 * plain)
    for scale in (0.0, 1.0):
        rescaled = ClassifierFreeGuidance(exact_labels(model), labels, scale, rescale=0.7)(x_t, T).output
        untouched = ClassifierFreeGuidance(exact_labels(model), labels, scale)(x_t, T).output
        assert torch.equal(rescaled, untouched)


def exact_labels(model: NetworkDenoiser) -> NetworkDenoiser:
    """The model where None is the null label, as a checkpoint's adapter has it."""

    def network(x_t: Tensor, t: float, condition: Condition) -> Tensor:
        return model.network(x_t, t, torch.full((len(x_t),), -1) if condition is None else condition)

    return NetworkDenoiser(network, model.schedule, model.kind)


def test_an_output_without_contrast_stays_finite() -> None:
    flat = NetworkDenoiser(lambda x_t, t, condition: torch.ones_like(x_t), cosine(1000), "eps")
    guided = ClassifierFreeGuidance(flat, LABELS, 2.0, rescale=0.5)(torch.zeros(6, 1, 2, 2), T)
    torch.testing.assert_close(guided.output, torch.ones(6, 1, 2, 2))


def test_impossible_refinements(exact: MixtureDenoiser) -> None:
    with pytest.raises(ValueError, match="empty"):
        ClassifierFreeGuidance(exact, LABELS, 2.0, interval=(600, 200))
    for rescale in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            ClassifierFreeGuidance(exact, LABELS, 2.0, rescale=rescale)


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
def test_the_guided_density_has_the_guided_score(exact: MixtureDenoiser, points: Tensor, scale: float) -> None:
    guided = ClassifierFreeGuidance(exact, LABELS, scale)
    leaf = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(guided.log_density(leaf, T).sum(), leaf)
    torch.testing.assert_close(gradient, guided(points, T).score, rtol=1e-3, atol=1e-3)


def test_rescaled_guidance_has_no_density(exact: MixtureDenoiser, points: Tensor) -> None:
    with pytest.raises(ValueError, match="not the score of any density"):
        ClassifierFreeGuidance(exact, LABELS, 2.0, rescale=0.5).log_density(points, T)
