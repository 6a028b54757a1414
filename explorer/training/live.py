"""Training a small network of points while somebody looks at it: a step at a time, towards a loss that is known.

With the exact distribution the least loss that any network can reach is known too: that of the exact denoiser.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from explorer.datasets.toy import ToyMixture
from explorer.diffusion.mixture import GaussianMixture, MixtureDenoiser
from explorer.diffusion.prediction import Kind, Prediction
from explorer.diffusion.schedules import Schedule
from explorer.networks.mlp import MLP, MLPConfig
from explorer.training.card import write_card
from explorer.training.folder import write_network
from explorer.training.loop import batch_generator
from explorer.training.objective import Objective, noised, score_matching_loss, stratified_times, target

BATCH = 256
SMALL = MLPConfig(hidden=128, layers=3)
"""A step takes a few milliseconds."""
FIRST_T = 10
"""Of 1000: below it the noise is so small that the score's size alone would decide what is learned."""
CARD, WEIGHTS = "explorer.json", "model.safetensors"
T, T_ON_A_LINE = 1000, 50
"""On a line a single step is to be seen."""


@dataclass(frozen=True)
class Task:
    """What is learned: the exact distribution, under a schedule, with an output of this kind."""

    truth: GaussianMixture
    schedule: Schedule
    kind: Kind
    objective: Objective = "denoising"


class LiveTraining:
    """A network and its optimiser. It can be stepped for ever; all randomness follows from the seed and the step."""

    def __init__(self, network: nn.Module, task: Task, learning_rate: float, seed: int = 0, steps: int = 0) -> None:
        """steps: how many the network has behind it."""
        self.network, self.task, self.seed, self.steps = network, task, seed, steps
        self._optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)

    def set_learning_rate(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate

    def step(self) -> float:
        """One step of Adam on a fresh batch; the batch's loss before it."""
        self.network.requires_grad_(True)
        loss = batch_loss(self.network, self.task, batch_generator(self.seed, self.steps))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.network.requires_grad_(False)
        self.steps += 1
        return float(loss.detach())


def batch_loss(network: nn.Module, task: Task, generator: torch.Generator, n: int = BATCH) -> Tensor:
    """Per number of a sample. Denoising: the squared error of ε̂, x̂₀, v̂ or s ŝ. Explicit, sliced: weighted with s²."""
    dim = task.truth.means.shape[1]
    x_0 = task.truth.draw(torch.randn(n, dim, generator=generator), torch.rand(n, generator=generator))
    t = _times(task.schedule, n, generator)
    x_t, eps, a, s = noised(task.schedule, x_0, t, generator)
    half_log_snr = 0.5 * task.schedule.log_snr(t).float()
    if task.objective != "denoising":

        def score(x: Tensor) -> Tensor:
            return Prediction(x, 0.0, a, s, task.kind, network(x, half_log_snr)).score

        return score_matching_loss(score, x_t, s, task.objective, generator)
    output: Tensor = network(x_t, half_log_snr)
    if task.kind == "score":
        return (s * output + eps).square().mean()
    return (output - target(task.kind, x_0, eps, a, s)).square().mean()


@torch.no_grad()
def best_loss(task: Task, times: int = 64, n: int = 256, seed: int = 7) -> float:
    """The least loss that can be reached, by Monte Carlo with the exact denoiser."""
    generator = torch.Generator().manual_seed(seed)
    exact, dim = MixtureDenoiser(task.truth, task.schedule), task.truth.means.shape[1]
    total = 0.0
    for t in _times(task.schedule, times, generator).tolist():
        x_0 = task.truth.draw(torch.randn(n, dim, generator=generator), torch.rand(n, generator=generator))
        eps = torch.randn(n, dim, generator=generator)
        a, s = task.schedule.signal(t), task.schedule.noise(t)
        said = exact(a * x_0 + s * eps, t)
        if task.objective != "denoising":
            total -= float((s * said.score).square().mean()) / 2
        elif task.kind == "score":
            total += float((s * said.score + eps).square().mean())
        else:
            best = target(task.kind, said.x0, said.eps, a, s)
            total += float((best - target(task.kind, x_0, eps, a, s)).square().mean())
    return total / times


def draft(folder: Path, toy: ToyMixture, kind: Kind, title: str, seed: int = 0) -> None:
    """Write a folder with an untrained network for a distribution. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    dim = len(toy.means[0])
    facts = {
        "schedule": {"name": "cosine", "T": T if dim == 2 else T_ON_A_LINE},
        "prediction": kind,
        "kind": "points",
        "shape": [dim],
        "truth": toy.facts(),
    }
    write_network(folder, "mlp", MLP(replace(SMALL, dim=dim)), facts)
    write_card(folder, {"title": title, "summary": "Trained here.", "dataset": "Drawn from the truth in config.json"})


def keep(source: Path, network: nn.Module, folder: Path) -> None:
    """Write the network as it is now as a model folder, with the configuration and card of `source`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", CARD):
        if (source / name).is_file():
            values = json.loads((source / name).read_text(encoding="utf-8"))
            (folder / name).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / WEIGHTS).write_bytes(weights(network))


def weights(network: nn.Module) -> bytes:
    """The content of `model.safetensors`."""
    return save({key: value.cpu().contiguous() for key, value in network.state_dict().items()})


def steps_behind(folder: Path) -> int:
    """How many steps a network has been trained for, by its card; 0 where that does not say."""
    try:
        return int(json.loads((folder / CARD).read_text(encoding="utf-8"))["recipe"]["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def card_after(folder: Path, training: LiveTraining, learning_rate: float) -> bytes:
    """The card of a network that has been trained on. Raises OSError, and ValueError where it is no card."""
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    card["summary"] = f"Trained here, {training.steps:,} steps."
    recipe = {"steps": training.steps, "objective": training.task.objective, "learning_rate": learning_rate}
    return json.dumps(card | {"recipe": recipe}, indent=2, ensure_ascii=False).encode() + b"\n"


def _times(schedule: Schedule, n: int, generator: torch.Generator) -> Tensor:
    return stratified_times(n, schedule.T, generator).clamp(min=max(FIRST_T * schedule.T // 1000, 1))
