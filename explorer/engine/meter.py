"""A denoiser that counts its calls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from explorer.diffusion.denoiser import Condition, Denoiser, log_density, parts
from explorer.diffusion.prediction import Parts, Prediction
from explorer.diffusion.schedules import Schedule


@dataclass(eq=False)
class Meter:
    """A denoiser that counts its calls and their time."""

    denoiser: Denoiser
    seconds: float = 0.0
    calls: int = 0

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    def __call__(self, x_t: Tensor, t: float, condition: Condition = None) -> Prediction:
        begin = time.perf_counter()
        prediction = self.denoiser(x_t, t, condition)
        self.seconds += time.perf_counter() - begin
        self.calls += 1
        return prediction

    def parts(self, x_t: Tensor, t: float) -> Parts | None:
        """The denoiser's own, None for one that is not guided."""
        begin = time.perf_counter()
        found = parts(self.denoiser, x_t, t)
        if found is not None:
            self.seconds += time.perf_counter() - begin
            self.calls += 1
        return found

    def log_density(self, x_t: Tensor, t: float, condition: Condition = None) -> Tensor:
        """The denoiser's own. Raises ValueError where it has none."""
        return log_density(self.denoiser, x_t, t, condition)

    def readings(self) -> dict[str, Any]:
        """Since the last reading, as fields of Seen."""
        values = {"network_seconds": self.seconds, "network_calls": self.calls}
        self.seconds, self.calls = 0.0, 0
        return values
