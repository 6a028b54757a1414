"""Classifier guidance, against the exact conditional model and with the shipped classifier."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.datasets.toy import three_components
from explorer.diffusion.denoiser import NO_LABEL, Condition, NetworkDenoiser
from explorer.diffusion.guidance import (
    ClassifierFreeGuidance,
    ClassifierGuidance,
    mixture_classifier,
    noise_aware_classifier,
)
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.prediction import KINDS, Kind
from explorer.diffusion.schedules import DiscreteSchedule, cosine, geometric, linear, rescale_zero_terminal_snr
from explorer.networks.classifier import Classifier, ClassifierConfig
from explorer.paths import CHECKPOINTS
from explorer.training.folder import read_classifier

TIMES = [1, 30, 400, 900, 1000]
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture
def double() -> MixtureDenoiser:
    return MixtureDenoiser(three_components().exact(torch.float64), cosine(1000))


@pytest.fixture
def x(points: Tensor) -> Tensor:
    return points.double()


def guided(denoiser: MixtureDenoiser, scale: float, labels: Condition = LABELS) -> ClassifierGuidance:
    return ClassifierGuidance(denoiser, mixture_classifier(denoiser.mixture, denoiser.schedule), labels, scale)


@pytest.mark.parametrize("t", TIMES)
def test_the_exact_classifier_makes_the_conditional_model(double: MixtureDenoiser, x: Tensor, t: int) -> None:
    found, expected = guided(double, 1.0)(x, t), double(x, t, LABELS)
    torch.testing.assert_close(found.score, expected.score, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scale", [-1.0, 0.5, 3.0])
def test_it_is_classifier_free_guidance_of_the_truth(double: MixtureDenoiser, x: Tensor, scale: float) -> None:
    """∇log p(y|x) = s(x, y) − s(x), so both kinds of guidance are one."""
    found = guided(double, scale)(x, 400).score
    torch.testing.assert_close(found, ClassifierFreeGuidance(double, LABELS, scale)(x, 400).score)


def test_the_exact_classifier_is_the_responsibilities(double: MixtureDenoiser, x: Tensor) -> None:
    classifier = mixture_classifier(double.mixture, double.schedule)
    for t in (0, *TIMES):
        a, s = double.schedule.signal(t), double.schedule.noise(t)
        torch.testing.assert_close(classifier(x, t).exp(), double.mixture.responsibilities(x, a, s))
    # Far away the responsibilities are 0 to the last bit, but their logarithm has a gradient.
    assert bool(classifier(1e6 * x, 1).isfinite().all())
    assert bool(guided(double, 1.0)(1e6 * x, 1).score.isfinite().all())


def test_0_is_exactly_the_unconditional_model(double: MixtureDenoiser, x: Tensor) -> None:
    def never(x_t: Tensor, t: float) -> Tensor:
        raise AssertionError

    for labels, scale in ((LABELS, 0.0), (None, 2.0)):
        found = ClassifierGuidance(double, never, labels, scale)(x, 400)
        assert torch.equal(found.output, double(x, 400).output)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", [cosine(1000), geometric(1000)], ids=lambda schedule: schedule.name)
def test_every_form_moves_with_the_score(kind: Kind, schedule: DiscreteSchedule, x: Tensor) -> None:
    truth = three_components().exact(torch.float64)
    exact = MixtureDenoiser(truth, schedule)
    network = NetworkDenoiser(lambda x_t, t, condition: getattr(exact(x_t, t, condition), kind), schedule, kind)
    classifier = mixture_classifier(truth, schedule)
    found = ClassifierGuidance(network, classifier, LABELS, 2.0)(x, 300)
    expected = ClassifierGuidance(exact, classifier, LABELS, 2.0)(x, 300)
    assert found.kind == kind
    for form in KINDS:
        torch.testing.assert_close(getattr(found, form), getattr(expected, form), rtol=1e-6, atol=1e-8)


def test_labels(double: MixtureDenoiser, x: Tensor) -> None:
    mixed = torch.tensor([0, NO_LABEL, 2, NO_LABEL, 1, 2])
    found = guided(double, 2.0, mixed)(x, 400).score
    plain = double(x, 400).score
    torch.testing.assert_close(found[[1, 3]], plain[[1, 3]])
    torch.testing.assert_close(found[[0, 2]], guided(double, 2.0)(x, 400).score[[0, 2]])
    one = guided(double, 2.0, torch.tensor([1]))
    torch.testing.assert_close(one(x, 400).score, guided(double, 2.0, torch.full((6,), 1))(x, 400).score)
    assert torch.equal(one(x, 400, LABELS).score, guided(double, 2.0)(x, 400).score)
    assert one.schedule is double.schedule


def test_where_guidance_has_nothing_to_say(x: Tensor) -> None:
    """At t = 0 x̂₀ is x_t; without any signal x_t knows nothing of y."""
    schedule = rescale_zero_terminal_snr(linear(1000))
    classifier = mixture_classifier(three_components().exact(torch.float64), schedule)
    denoiser = NetworkDenoiser(lambda x_t, t, condition: 0.5 * x_t, schedule, "v")
    steered = ClassifierGuidance(denoiser, classifier, LABELS, 2.0)
    assert torch.equal(steered(x, 0).x0, x)
    assert torch.equal(steered(x, 1000).output, 0.5 * x)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_it_differentiates_where_gradients_are_off(double: MixtureDenoiser, x: Tensor, context: type) -> None:
    expected = guided(double, 2.0)(x, 400).score
    steered = guided(double, 2.0)
    with context():
        found = steered(x + 0.0, 400)  # made here, so an inference tensor
    assert not found.output.requires_grad
    assert torch.equal(found.score.clone(), expected)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    folder = CHECKPOINTS / "digits-classifier"
    return read_classifier(folder) if folder.is_dir() else Classifier(ClassifierConfig()).eval()


def test_the_digits_classifier_steers_pictures(classifier: Classifier) -> None:
    """Towards its own opinion: a step along the gradient raises log p(y | x_t)."""
    schedule = cosine(1000)
    log_p = noise_aware_classifier(classifier, schedule)
    x_t = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([3, 1, 4, NO_LABEL])
    denoiser = NetworkDenoiser(lambda x_t, t, condition: torch.zeros_like(x_t), schedule, "eps")
    for t in (1, 300, 800):
        assert log_p(x_t, t).exp().sum(1).tolist() == pytest.approx([1] * 4)
        steered = ClassifierGuidance(denoiser, log_p, labels, 1.0)
        gradient = steered.gradient(x_t, t, labels)
        torch.testing.assert_close(steered(x_t, t).eps, -schedule.noise(t) * gradient)
        assert bool((gradient[3] == 0).all())
        step = x_t + 1e-2 * gradient / gradient.flatten(1).norm(dim=1).clamp(min=1e-9).view(-1, 1, 1, 1)
        picked = (torch.arange(3), labels[:3])
        assert bool((log_p(step, t)[picked] > log_p(x_t, t)[picked]).all())


def test_a_single_component_is_certain(x: Tensor) -> None:
    alone = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), torch.eye(2).double().unsqueeze(0))
    denoiser = MixtureDenoiser(alone, cosine(1000))
    found = guided(denoiser, 5.0, torch.zeros(6, dtype=torch.int64))(x, 400)
    torch.testing.assert_close(found.score, denoiser(x, 400).score)
