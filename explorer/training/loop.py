"""The training loop all recipes share: AdamW, warm-up and cosine decay, EMA, resumable state."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LoopConfig:
    """How the weights move. Learning rate: linear warm-up, flat, then cosine to zero."""

    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    flat_fraction: float = 0.3
    weight_decay: float = 0.01
    adam_betas: tuple[float, float] = (0.9, 0.99)
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    save_every: int = 200

    def learning_rate_factor(self, step: int) -> float:
        """The factor on learning_rate at a step, in [0, 1]."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        progress = step / self.steps
        if progress <= self.flat_fraction:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (progress - self.flat_fraction) / (1 - self.flat_fraction)))


class Looped(Protocol):
    """A dataclass that says, among other things, how the weights move."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def loop(self) -> LoopConfig: ...


Config = TypeVar("Config", bound=Looped)


def with_steps(config: Config, steps: int | None) -> Config:
    """The configuration with another number of training steps; None for its own."""
    return config if steps is None else replace(config, loop=replace(config.loop, steps=steps))


def batch_generator(seed: int, step: int) -> torch.Generator:
    """All the randomness of one training step, so that a resumed run equals an uninterrupted one."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


@dataclass(frozen=True)
class TrainingReport:
    """What a training run cost and reached; it goes into the model's card."""

    steps: int
    final_loss: float
    """Mean loss over the last twentieth of the run."""
    cpu_seconds: float


def train(
    network: nn.Module,
    loss_of: Callable[[int, torch.Generator], Tensor],
    config: LoopConfig,
    state_file: Path,
    progress: Callable[[str], None] = print,
) -> tuple[nn.Module, TrainingReport]:
    """Train `network` and return its exponential moving average.

    loss_of(step, generator) → scalar loss of one batch through `network`, with no randomness but the generator's.
    state_file: written every `save_every` steps, read when it exists and is of this configuration, deleted at the end.
    """
    ema = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, betas=config.adam_betas, weight_decay=config.weight_decay
    )
    losses: list[float] = []
    spent, start = 0.0, 0
    if state_file.exists():
        saved = torch.load(state_file, weights_only=True)
        if saved["config"] == _comparable(config):
            network.load_state_dict(saved["network"])
            ema.load_state_dict(saved["ema"])
            optimizer.load_state_dict(saved["optimizer"])
            losses, spent, start = saved["losses"], saved["spent"], len(saved["losses"])
            progress(f"resuming at step {start}")
    state_file.parent.mkdir(parents=True, exist_ok=True)
    network.train()
    clock = time.process_time()
    for step in range(start, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * config.learning_rate_factor(step)
        loss = loss_of(step, batch_generator(config.seed, step))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
        optimizer.step()
        _update_ema(ema, network, min(config.ema_decay, (1 + step) / (10 + step)))
        losses.append(float(loss.detach()))
        done = step + 1
        if done % config.save_every == 0 or done == config.steps:
            cpu = spent + time.process_time() - clock
            recent = losses[-config.save_every :]
            progress(f"step {done}/{config.steps}  loss {sum(recent) / len(recent):.5f}  {cpu:.0f} cpu-s")
            if done < config.steps:
                _save(state_file, config, network, ema, optimizer, losses, cpu)
    state_file.unlink(missing_ok=True)
    tail = losses[-max(1, len(losses) // 20) :]
    report = TrainingReport(config.steps, sum(tail) / len(tail), spent + time.process_time() - clock)
    return ema.eval(), report


def set_memory_format(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Lay the weights of convolutions out anew, in place: channels last is the faster one to train on a CPU."""
    network.to(memory_format=memory_format)  # type: ignore[call-overload]  # torch's stubs do not know this argument


@torch.no_grad()
def _update_ema(ema: nn.Module, network: nn.Module, decay: float) -> None:
    for average, parameter in zip(ema.parameters(), network.parameters(), strict=True):
        average.lerp_(parameter, 1 - decay)
    for kept, buffer in zip(ema.buffers(), network.buffers(), strict=True):
        kept.copy_(buffer)


def _comparable(config: LoopConfig) -> dict[str, object]:
    values = asdict(config)
    values["adam_betas"] = list(config.adam_betas)
    return values


def _save(
    file: Path,
    config: LoopConfig,
    network: nn.Module,
    ema: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: list[float],
    spent: float,
) -> None:
    state = {
        "config": _comparable(config),
        "network": network.state_dict(),
        "ema": ema.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": losses,
        "spent": spent,
    }
    partial = file.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(file)
