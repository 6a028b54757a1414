"""What the user chose, as one frozen value of plain, JSON-serialisable fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from explorer.facts import GuidanceKind
from explorer.request import ByHand, ScheduleChoice
from explorer.state.first_lenses import IMAGE_LENSES
from explorer.state.saved import values_of


@dataclass(frozen=True)
class State:
    """Every choice of the user. Times and labels are kept as chosen and checked against a model by resolve."""

    model: str | None = None
    device: str = "auto"
    source: Literal["forward", "reverse"] = "forward"
    t: int = 0
    sample: int = 0
    count: int = 1
    noise_seed: int = 0
    picture: str | None = None
    label: int | None = None
    prompt: str = ""
    negative_prompt: str = ""
    guidance_scale: float = 1.0
    guidance_kind: GuidanceKind = "classifier-free"
    guidance_interval: tuple[float, float] | None = None
    """The lowest and highest t at which γ counts; None for every t."""
    guidance_rescale: float = 0.0
    sampler: str = "ddim"
    steps: int = 50
    sampler_seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Sampler parameters the user set, by field name; those that are not here have the model's defaults."""
    schedule: ScheduleChoice = ScheduleChoice()
    lenses: tuple[str, ...] = IMAGE_LENSES
    step: int = 0
    """Which recorded step is on show where the source is "reverse"."""
    by_hand: ByHand = ByHand()
    """Of a latent chain: what of z_t is set by hand. It holds for what is on show alone."""
    partner: int = 1
    """Of a latent chain: the sample that interpolations go to."""

    def with_changes(self, **changes: Any) -> State:
        """A copy with other values."""
        return replace(self, **changes)

    def differs_in_time_alone(self, other: State | None) -> bool:
        """Whether the other state is this one at the same or another time or step."""
        return other is not None and all(getattr(self, name) == getattr(other, name) for name in _TIMELESS)

    def to_json(self) -> str:
        """The JSON text that `from_json` reads."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> State:
        """The state a JSON text holds; unknown keys are ignored, missing ones have their defaults.

        Raises ChoiceError where the text is no JSON object, or a value is none that this choice can have.
        """
        return cls(**values_of(text))


_TIMELESS = tuple(f.name for f in fields(State) if f.name not in ("t", "step"))
