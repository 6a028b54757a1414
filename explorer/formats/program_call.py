"""A network that is a program, called with our conventions."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from explorer.diffusion.denoiser import NO_LABEL, Condition
from explorer.diffusion.schedules import Schedule
from explorer.facts import ModelError


@dataclass(frozen=True, eq=False)
class ProgramCall:
    """(x_t, t, condition) → output, for NetworkDenoiser.

    time_input: what the network is told, one of TIME_INPUTS. shape: of one sample, which its output must have.
    no_label: the label of samples without one, None for a network that takes no labels. name: what messages call it.
    """

    network: nn.Module
    schedule: Schedule
    time_input: str
    shape: tuple[int, ...]
    no_label: int | None
    name: str

    def on(self, schedule: Schedule) -> ProgramCall:
        """The same network on another schedule."""
        return replace(self, schedule=schedule)

    def told(self, t: float) -> float:
        """What the network is told for t."""
        if self.time_input in ("index", "time", "fraction"):
            return {"index": t - 1, "time": t, "fraction": t / self.schedule.T}[self.time_input]
        if self.time_input == "log_snr":
            return self.schedule.log_snr(t)
        sigma = self.schedule.noise(t) / self.schedule.signal(t)
        return sigma if self.time_input == "sigma" else 0.25 * math.log(sigma)

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        n, x = len(x_t), x_t.contiguous()
        dtype = torch.int64 if self.time_input == "index" else torch.float32
        inputs = [x, torch.full((n,), self.told(t), dtype=dtype, device=x.device)]
        if self.no_label is not None:
            none = torch.full((n,), self.no_label, dtype=torch.int64, device=x.device)
            inputs.append(none if condition is None else torch.where(condition == NO_LABEL, self.no_label, condition))
        try:
            output = self._run(inputs)
        except Exception as error:
            if n == 1:
                reason = str(error).strip().split("\n")[-1][:200]
                raise ModelError(f"{self.name} fails at t = {t:g}: {reason}.") from error
            # Exported for batches of one: sample by sample then.
            singles = [self(x[i : i + 1], t, None if condition is None else condition[i : i + 1]) for i in range(n)]
            return torch.cat(singles)
        if output.shape != (n, *self.shape):
            raise ModelError(f"{self.name} returns shape {tuple(output.shape)} for {n} samples of {self.shape}.")
        return output.contiguous()

    def _run(self, inputs: list[Tensor]) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the program is not ours to mend
            output = self.network(*inputs)
        found = output[0] if isinstance(output, tuple | list) else output
        if not isinstance(found, Tensor):
            raise TypeError(f"it returned a {type(found).__name__}, not a tensor")
        return found
