"""A network of diffusers as one of ours: built, filled with weights, and called with our conventions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.diffusion.schedules import Schedule
from explorer.formats.autoencoder import current_name
from explorer.formats.conventions import Convention
from explorer.formats.network import build
from explorer.formats.recorded import Recorded, record, worth_recording
from explorer.formats.tensors import load_weights
from explorer.formats.text_encoder import Prompts
from explorer.formats.unet_config import NetworkConfig


@dataclass(frozen=True, eq=False)
class UNetCall:
    """(x_t, t, condition) → output, for NetworkDenoiser.

    network: (x, timestep, labels, return_dict=False) → (output,). asked: what it is told.
    channels: of the output that are used: those of a picture, or twice as many with a learned variance.
    no_label: the label of samples without one, None for a network that takes no labels. convention: what it is told
    on another schedule, where that makes a difference.
    """

    network: nn.Module
    asked: Convention
    channels: int
    no_label: int | None
    convention: Callable[[Schedule], Convention] | None = None
    embed: Callable[[Condition, int], Tensor] | None = None
    """Of a network that reads text: the embeddings of the numbers that stand for texts, in place of labels."""
    added: Callable[[Condition, int], dict[str, Tensor]] | None = None
    """Of one that is told more of them: what that is, by name."""
    prompts: Prompts | None = None
    """Where these come from."""
    _recorded: dict[int, Recorded] = field(default_factory=dict, repr=False)
    """Recordings by batch size, see `prepare`."""

    def on(self, schedule: Schedule) -> UNetCall:
        """The same network on another schedule."""
        return self if self.convention is None else replace(self, asked=self.convention(schedule))

    def prepare(self, x_t: Tensor) -> None:
        """Make calls with batches of the size and kind of x_t faster, where that is possible."""
        n = len(x_t)
        if n in self._recorded or self.added is not None or not worth_recording(x_t, self.network):
            return
        x = x_t.contiguous()
        timestep = self._timestep(x_t, 1)
        labels = self._labels(x_t, None)
        recorded = record(self.network, (x, timestep) if labels is None else (x, timestep, labels))
        if recorded is not None:
            self._recorded[n] = recorded

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        """x_t: (n, C, H, W) on the network's device. Returns a contiguous tensor (n, channels, H, W)."""
        asked = self.asked
        timestep = self._timestep(x_t, asked.time(t))
        # Channels-last would be a fifth faster for large batches, but rounds differently: this way the numbers are
        # those of diffusers itself, bit for bit.
        x = x_t.contiguous() if asked.scale is None else (x_t * asked.scale(t)).contiguous()
        labels = self._labels(x_t, condition)
        recorded = self._recorded.get(len(x_t))
        if recorded is not None and not torch.is_grad_enabled():
            output = recorded(x, timestep) if labels is None else recorded(x, timestep, labels)
        else:
            more = {} if self.added is None else {"added_cond_kwargs": self.added(condition, len(x))}
            output = self.network(x, timestep, labels, **more, return_dict=False)[0]
        output = output[:, : self.channels].contiguous()
        if asked.mix is None:
            return output
        skip, out = asked.mix(t)
        return torch.add(x_t * skip, output, alpha=out)

    def _timestep(self, x_t: Tensor, value: float) -> Tensor:
        # full() makes the number on the device: no copy, no waiting for it.
        if self.asked.whole:
            return torch.full((1,), int(value), dtype=torch.int64, device=x_t.device)
        return torch.full((1,), value, dtype=torch.float32, device=x_t.device)

    def _labels(self, x_t: Tensor, condition: Condition) -> Tensor | None:
        if self.embed is not None:
            return self.embed(condition, len(x_t))
        if self.no_label is None:
            return None
        if condition is None:
            return torch.full((len(x_t),), self.no_label, dtype=torch.int64, device=x_t.device)
        return torch.where(condition == NO_LABEL, self.no_label, condition)


def load_network(
    config: NetworkConfig, config_label: str, weights: Path, label: str, device: torch.device
) -> nn.Module:
    """The configured network with the weights of a file, ready for use on `device`.

    Raises ModelError for arguments that do not go together and weights that do not fit.
    """
    network = build(config.class_name, config.arguments, config_label)
    load_weights(network, weights, label, device, current_name)
    return network.to(device)
