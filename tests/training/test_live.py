"""Training that is looked at: the loss goes down to the least possible, and not below."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.prediction import KINDS, Kind
from explorer.diffusion.schedules import cosine
from explorer.networks.mlp import MLP, MLPConfig
from explorer.training.live import FIRST_T, LiveTraining, Task, batch_loss, best_loss
from explorer.training.objective import Objective

WEIGHTS, MEANS, VARIANCE = torch.tensor([0.6, 0.4]), torch.tensor([[-1.0, 0.0], [1.0, 0.5]]), 0.1


def task(kind: Kind, objective: Objective = "denoising") -> Task:
    two = GaussianMixture(WEIGHTS, MEANS, VARIANCE * torch.eye(2).expand(2, 2, 2))
    return Task(two, cosine(100), kind, objective)


class Exact(torch.nn.Module):
    """What a perfect network says of round Gaussians, each sample at its own noise level."""

    def __init__(self, known: Task) -> None:
        super().__init__()
        self.kind = known.kind

    def forward(self, x: torch.Tensor, half_log_snr: torch.Tensor) -> torch.Tensor:
        a, s = (half_log_snr.mul(sign).sigmoid().sqrt()[:, None] for sign in (2, -2))
        variance = VARIANCE * a**2 + s**2
        distances = (x[:, None] - a[..., None] * MEANS).square().sum(2)
        shares = (WEIGHTS.log() - distances / (2 * variance)).softmax(1)
        score = (a * (shares @ MEANS) - x) / variance
        eps, x0 = -s * score, (x + s**2 * score) / a
        outputs = {"score": score, "eps": eps, "x0": x0, "v": a * eps - s * x0, "flow": eps - x0}
        return outputs[self.kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_exact_answer_has_the_least_loss(kind: Kind) -> None:
    known = task(kind)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        found = torch.stack([batch_loss(Exact(known), known, generator) for _ in range(6)])
    least = best_loss(known)
    assert abs(float(found.mean()) - least) < 0.1 * least + 0.01


def test_no_time_is_so_early_that_its_scores_alone_would_count() -> None:
    known = Task(task("eps").truth, cosine(1000), "eps")
    heard: list[float] = []

    class Listening(Exact):
        def forward(self, x: torch.Tensor, half_log_snr: torch.Tensor) -> torch.Tensor:
            heard.append(float(half_log_snr.max()))
            return super().forward(x, half_log_snr)

    batch_loss(Listening(known), known, torch.Generator().manual_seed(0), n=2000)  # two of each time
    assert heard == [pytest.approx(0.5 * known.schedule.log_snr(FIRST_T), rel=1e-6)]


@pytest.mark.parametrize("objective", ["explicit", "sliced"])
def test_others_have_the_least_loss_where_denoising_has_it(objective: Objective) -> None:
    known = task("eps", objective)
    generator = torch.Generator().manual_seed(0)
    found = torch.stack([batch_loss(Exact(known), known, generator).detach() for _ in range(8)])
    assert abs(float(found.mean()) - best_loss(known)) < 0.06


@pytest.mark.parametrize(
    ("kind", "objective"), [("eps", "denoising"), ("v", "denoising"), ("eps", "sliced"), ("v", "explicit")]
)
def test_training_goes_towards_it(kind: Kind, objective: Objective) -> None:
    assert objective in get_args(Objective)
    torch.manual_seed(0)
    known = task(kind, objective)
    training = LiveTraining(MLP(MLPConfig(hidden=32, layers=2)), known, 5e-3)
    losses = [training.step() for _ in range(300)]
    least = best_loss(known)
    first, last = sum(losses[:10]) / 10, sum(losses[-50:]) / 50
    assert least - 0.05 < last < least + 0.35 * (first - least)
    assert training.steps == 300


def test_it_can_be_repeated() -> None:
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        training = LiveTraining(MLP(MLPConfig(hidden=8, layers=2)), task("eps"), 1e-3, seed=4)
        runs.append([training.step() for _ in range(3)])
    assert runs[0] == runs[1]
