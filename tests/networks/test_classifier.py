"""The noise-aware classifier of pictures."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.networks.classifier import Classifier, ClassifierConfig


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier(ClassifierConfig(size=16, classes=4, widths=(8, 8, 16))).eval()


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def test_one_level_for_the_batch_is_the_same_as_one_each(classifier: Classifier, pictures: torch.Tensor) -> None:
    logits = classifier(pictures, torch.tensor(-0.5))
    assert logits.shape == (3, 4)
    torch.testing.assert_close(logits, classifier(pictures, torch.full((3,), -0.5)))


def test_clean_is_the_limit_of_no_noise(classifier: Classifier, pictures: torch.Tensor) -> None:
    clean = classifier(pictures)
    torch.testing.assert_close(clean, classifier(pictures, torch.tensor(math.inf)))
    assert not torch.allclose(clean, classifier(pictures, torch.tensor(-2.0)))
    assert bool(classifier(pictures, torch.tensor(-math.inf)).isfinite().all())


def test_it_can_guide(classifier: Classifier, pictures: torch.Tensor) -> None:
    leaf = pictures.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(classifier(leaf, torch.tensor(0.5)).log_softmax(1)[:, 1].sum(), leaf)
    assert bool(gradient.isfinite().all())
    assert bool(gradient.any())


def test_it_runs_where_its_weights_are() -> None:
    classifier = Classifier(ClassifierConfig()).to("meta")
    assert classifier(torch.empty(2, 1, 28, 28, device="meta")).device.type == "meta"
