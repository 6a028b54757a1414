"""Picture models of our own U-Net, saved as `config.json` and `model.safetensors`: any quantity, on any schedule.

`images.py` makes diffusers folders; what they cannot say, a score as the output or levels of σ, is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from explorer.datasets.pictures import PictureSet
from explorer.diffusion.prediction import Kind
from explorer.diffusion.schedules import SCHEDULES, Schedule
from explorer.networks.unet import UNet, UNetConfig, beside
from explorer.training.card import recipe_entry, write_card, write_shown
from explorer.training.folder import write_network
from explorer.training.loop import LoopConfig, set_memory_format, train
from explorer.training.objective import noised, some_unlabelled, stratified_times, target


@dataclass(frozen=True)
class PictureConfig:
    """Network and objective. schedule: a name in SCHEDULES, with arguments besides T.

    prediction: what the network gives; over_noise, beside_x_t: what is done with that first (see `Meaning`).

    weighting: of scores. "noise" weighs ‖s ŝ + ε‖², so that no level outweighs the others (Song & Ermon 2019, eq. 6);
    "path" that times (a² + s²)/a², which counts errors of v̂: where noise prevails, what is learned is then x̂₀
    and not the noise (Salimans & Ho 2022). focus: (m, w), times come up as often as exp(−½ ((ln s/a − m)/w)²), where
    what the picture is to be is decided, rather than all alike (Karras et al. 2022).
    """

    network: UNetConfig
    loop: LoopConfig
    prediction: Kind
    schedule: str
    T: int
    arguments: tuple[tuple[str, float], ...] = ()
    over_noise: bool = False
    beside_x_t: bool = False
    weighting: Literal["noise", "path"] = "noise"
    focus: tuple[float, float] | None = None
    batch_size: int = 64
    label_dropout: float = 0.1

    def made_schedule(self) -> Schedule:
        return SCHEDULES[self.schedule](self.T, **dict(self.arguments))

    def often(self, schedule: Schedule) -> Tensor | None:
        """How often each of the times 1 … T comes up; None for all alike."""
        if self.focus is None:
            return None
        middle, width = self.focus
        log_ratio = -0.5 * schedule.log_snr(torch.arange(1, schedule.T + 1))
        return (-0.5 * ((log_ratio - middle) / width).square()).exp()

    def facts(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """What the configuration file says besides the network."""
        return {
            "kind": "image",
            "schedule": {"name": self.schedule, "T": self.T, **dict(self.arguments)},
            "prediction": self.prediction,
            "over_noise": self.over_noise,
            "beside_x_t": self.beside_x_t,
            "value_range": [-1, 1],
            "class_names": list(class_names),
        }


def picture_loss(
    network: UNet, config: PictureConfig, schedule: Schedule, x_0: Tensor, labels: Tensor, generator: torch.Generator
) -> Tensor:
    """The mean squared error of the quantity the network gives, of a batch x_0 (n, …) in [−1, 1], each at a time of
    its own."""
    t = stratified_times(len(x_0), schedule.T, generator, config.often(schedule))
    x_t, eps, a, s = noised(schedule, x_0, t, generator)
    labels = some_unlabelled(labels, config.network.classes, config.label_dropout, generator)
    x = (x_t / (a.square() + s.square()).sqrt()).to(memory_format=torch.channels_last)
    output: Tensor = network(x, 0.5 * schedule.log_snr(t).float(), labels if config.network.classes else None)
    if config.beside_x_t:
        output = beside(x, output, config.prediction, a, s)
    if config.prediction == "score":
        # ‖s ŝ + ε‖²; where the network gives s ŝ itself, there is nothing to multiply.
        error = ((output if config.over_noise else s * output) + eps).square()
        return (error if config.weighting == "noise" else error * (1 + (s / a).square())).mean()
    return (output - target(config.prediction, x_0, eps, a, s)).square().mean()


def train_picture_model(
    title: str,
    train_set: PictureSet,
    test_set: PictureSet,
    config: PictureConfig,
    out: Path,
    card: dict[str, Any],
    measure: Callable[[Path], dict[str, Any]],
    progress: Callable[[str], None] = print,
) -> None:
    """Train on `train_set`; write network, card and test pictures into `out`. measure: the card's entry `quality`,
    from the folder as it was written."""
    torch.manual_seed(config.loop.seed)
    network, schedule = UNet(config.network), config.made_schedule()
    set_memory_format(network, torch.channels_last)
    pictures, labels = train_set.tensor(), torch.from_numpy(train_set.labels)

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        index = torch.randint(len(pictures), (config.batch_size,), generator=generator)
        return picture_loss(network, config, schedule, pictures[index], labels[index], generator)

    out.mkdir(parents=True, exist_ok=True)
    average, report = train(network, loss_of, config.loop, out / "state.training.pt", progress)
    set_memory_format(average, torch.contiguous_format)
    write_network(out, "unet", average, config.facts(train_set.class_names), torch.float16)
    written = {"title": title, **card, "samples": write_shown(out, test_set)}
    written["recipe"] = recipe_entry(config, report)
    write_card(out, written)  # before it is measured: a model is opened with its card
    progress("measuring")
    write_card(out, {**written, "quality": measure(out)})
