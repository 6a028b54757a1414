"""Recipe `vdm`: a variational diffusion model of MNIST whose noise schedule is learned with it (Kingma et al. 2021).

Network and schedule minimise the continuous-time bound of `likelihood/continuous.py`, bits and nothing else. The ends
of log SNR have its gradient. Its shape cannot: the bound does not depend on it. It is moved towards less variance of
the loss ℓ = ½ ω'(u) ‖ε − ε̂‖² by the gradient of E[ℓ²], 2 ℓ times the one that passes by anyway (appendix I).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.datasets.pictures import PictureSet, digits
from explorer.diffusion.likelihood.continuous import count_ends, prior_cost, reconstruction_cost
from explorer.networks.monotone import Monotone, MonotoneConfig
from explorer.networks.unet import UNet, UNetConfig
from explorer.training.card import DIGITS_DATASET, DIGITS_LICENCE, recipe_entry, write_card, write_shown
from explorer.training.folder import write_network
from explorer.training.loop import LoopConfig, set_memory_format, train, with_steps


@dataclass(frozen=True)
class VDMConfig:
    """Network, schedule and objective. The network takes no labels: the bound is on p(x_0)."""

    network: UNetConfig = UNetConfig(width=48, fourier_first=5, fourier_count=4)
    schedule: MonotoneConfig = MonotoneConfig()
    loop: LoopConfig = LoopConfig(
        steps=1_200, learning_rate=1.5e-3, weight_decay=0.0, ema_decay=0.998, clip_norm=1.0, save_every=100
    )
    T: int = 1000
    batch_size: int = 64


class VDM(nn.Module):
    """What is trained: the network, and the schedule it is asked on."""

    def __init__(self, config: VDMConfig) -> None:
        super().__init__()
        self.network, self.schedule = UNet(config.network), Monotone(config.schedule)

    def loss(self, x_0: Tensor, generator: torch.Generator) -> Tensor:
        """The bound in bits per dimension, of pictures (n, …) in [−1, 1], with u spread evenly over 0 … 1."""
        n, d = len(x_0), x_0[0].numel()
        u = (torch.rand((), generator=generator) + torch.arange(n) / n) % 1
        eps = torch.randn(x_0.shape, generator=generator)
        shape, slope = self.schedule.shape(u)
        held: list[Tensor] = []
        for path in (shape, slope):
            # Backwards, after ℓ is known: the shape is to lessen E[ℓ²]/E[ℓ], not E[ℓ], which it does not change.
            path.register_hook(lambda gradient: gradient * held[0])
        first, last = self.schedule.ends()
        omega, rising = first + (last - first) * shape, (last - first) * slope
        level = omega.view(-1, 1, 1, 1)
        x_t = torch.sigmoid(-level).sqrt() * x_0 + torch.sigmoid(level).sqrt() * eps
        eps_hat = x_t + self.network(x_t.to(memory_format=torch.channels_last), -omega / 2)
        losses = 0.5 * rising * (eps - eps_hat).square().flatten(1).sum(1)
        with torch.no_grad():
            held.append(2 * losses / losses.mean())
        prior = prior_cost(x_0.square().flatten(1).sum(1), d, last)
        reconstruction = reconstruction_cost(count_ends(x_0).to(x_0.dtype), d, first)
        bound: Tensor = (losses + prior + reconstruction).mean()
        return bound / (d * math.log(2))


CARD = {
    "summary": "A variational diffusion model: trained on the bound alone, and its noise schedule with it. See the "
    "curve of log SNR among the dashed ones of other schedules, then open the tab VDM: the bound in its three terms in "
    "bits per dimension, and how evenly the learned schedule spreads the loss over t. Samples are not its strength: "
    "bits count the last of the noise, eyes do not.",
    "dataset": DIGITS_DATASET,
    "licence": DIGITS_LICENCE,
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    from explorer.training.vdm_quality import vdm_quality

    train_vdm(digits("train"), digits("test"), with_steps(VDMConfig(), steps), out, vdm_quality, progress)


def train_vdm(
    train_set: PictureSet,
    test_set: PictureSet,
    config: VDMConfig,
    out: Path,
    measure: Callable[[Path], dict[str, Any]],
    progress: Callable[[str], None] = print,
) -> None:
    """Train on `train_set`; write network, schedule, card and test pictures into `out`."""
    torch.manual_seed(config.loop.seed)
    model = VDM(config)
    set_memory_format(model.network, torch.channels_last)
    pictures = train_set.tensor()

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        del step
        return model.loss(pictures[torch.randint(len(pictures), (config.batch_size,), generator=generator)], generator)

    out.mkdir(parents=True, exist_ok=True)
    average, report = train(model, loss_of, config.loop, out / "state.training.pt", progress)
    assert isinstance(average, VDM)
    set_memory_format(average.network, torch.contiguous_format)
    facts: dict[str, Any] = {
        "kind": "image",
        "schedule": {"name": "learned", "T": config.T, **asdict(config.schedule)},
        "prediction": "eps",
        "beside_x_t": True,
        "value_range": [-1, 1],
        "class_names": list(train_set.class_names),
    }
    write_network(out, "unet", average.network, facts, torch.float16, {"schedule": average.schedule})
    written = {"title": "Digits, learned schedule", **CARD, "samples": write_shown(out, test_set)}
    written["recipe"] = recipe_entry(config, report)
    write_card(out, written)
    progress("measuring")
    write_card(out, {**written, "quality": measure(out)})
