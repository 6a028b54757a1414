"""What the user chose, as one frozen value; and what that means for a model.

`resolve_look` and `resolve_run` are the only places where choices meet facts. Nothing here knows the engine
or the window. A State is plain values and JSON-serialisable.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from explorer.facts import GuidanceKind, ModelFacts
from explorer.request import (
    Bound,
    ByHand,
    Clip,
    Forward,
    Guidance,
    LatentBound,
    Look,
    ModelRef,
    Replay,
    Run,
    ScheduleChoice,
    ScoreMatching,
)

MAX_PICTURES = 16
MAX_POINTS = 20_000
DEFAULT_POINTS = 5_000
IMAGE_LENSES = ("x_t", "x0", "eps", "score")
DECODED_LENSES = ("x_t_decoded", "x0_decoded")
"""Of latent models, shown from the first."""
VAE_LENSES = ("z_t", "decoded", "draws", "latent_map")
PLANE_VAE_LENSES = ("z_t", "decoded", "latent_map", "latent_grid")
HVAE_LENSES = ("z_t", "decoded", "levels", "latent_map")
CHAIN_LENSES = (*VAE_LENSES, *PLANE_VAE_LENSES, *HVAE_LENSES)
"""Of chains of latent variables, shown from the first."""
MATCHED_POINTS = 5_000
MAX_PROMPT = 2_000
MAX_SEED = 2**64 - 1
MAX_STEPS = 100_000
FIRST_TIMES = 10
"""How many times a list of the user's own begins with."""


class ChoiceError(ValueError):
    """A choice the model cannot honour. The message is one plain sentence."""


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
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> State:
        """The state a JSON text holds; unknown keys are ignored, missing ones have their defaults.

        Raises ChoiceError where the text is no JSON object, or a value is none that this choice can have.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ChoiceError(f"This is not a saved state: {error}.") from error
        if not isinstance(values, dict):
            raise ChoiceError("This is not a saved state: it holds no named values.")
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in values.items() if key in known}
        for key, value in values.items():
            if not _VALID[key](value):
                raise ChoiceError(f"This is not a saved state: {key} cannot be {_short(value)}.")
        for key in ("lenses", "guidance_interval"):
            if values.get(key) is not None:
                values[key] = tuple(values[key])
        if "by_hand" in values:
            values["by_hand"] = _by_hand_of(values["by_hand"])
        if "schedule" in values:
            values["schedule"] = _schedule_of(values["schedule"])
        return cls(**values)


_TIMELESS = tuple(f.name for f in fields(State) if f.name not in ("t", "step"))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300


def _schedule(value: Any) -> bool:
    pairs = [*value.get("parameters", ()), *value.get("points", ())] if isinstance(value, dict) else [None]
    if not all(isinstance(pair, list) and len(pair) == 2 and _number(pair[1]) for pair in pairs):
        return False
    named = all(_text(key) for key, _ in value.get("parameters", ()))
    return named and all(_number(t) for t, _ in value.get("points", ())) and _text(value.get("name"))


def _schedule_of(value: Mapping[str, Any]) -> ScheduleChoice:
    parameters, points = (tuple((a, b) for a, b in value.get(key, ())) for key in ("parameters", "points"))
    return ScheduleChoice(value["name"], parameters, points)


def _by_hand(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"place", "values"}:
        return False
    place, values = value["place"], value["values"]
    placed = place is None or (isinstance(place, list) and len(place) == 2 and all(_number(v) for v in place))
    pairs = isinstance(values, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in values)
    return placed and pairs and all(_whole(i) and i >= 0 and _number(v) for i, v in values)


def _by_hand_of(value: Mapping[str, Any]) -> ByHand:
    place = value["place"]
    return ByHand(None if place is None else (place[0], place[1]), tuple((i, v) for i, v in value["values"]))


_VALID: dict[str, Callable[[Any], bool]] = {
    "model": _text_or_none,
    "device": _text,
    "source": lambda value: value in ("forward", "reverse"),
    "t": _whole,
    "sample": _whole,
    "count": _whole,
    "noise_seed": _whole,
    "picture": _text_or_none,
    "label": lambda value: value is None or _whole(value),
    "prompt": _text,
    "negative_prompt": _text,
    "guidance_scale": _number,
    "guidance_kind": lambda value: value in ("classifier-free", "classifier"),
    "guidance_interval": lambda value: (
        value is None or (isinstance(value, list) and len(value) == 2 and all(_number(end) for end in value))
    ),
    "guidance_rescale": _number,
    "sampler": _text,
    "steps": _whole,
    "sampler_seed": _whole,
    "parameters": lambda value: (
        isinstance(value, dict) and all(isinstance(v, bool | str) or _number(v) for v in value.values())
    ),
    "schedule": _schedule,
    "lenses": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
    "step": _whole,
    "by_hand": _by_hand,
    "partner": _whole,
}
"""What each value of a saved state can be. A saved state is a file that anybody may have edited."""


def with_parameter(parameters: Mapping[str, Any], name: str, value: Any, times: Sequence[int] = ()) -> dict[str, Any]:
    """Sampler parameters with another value, and what follows from it: a list of times goes with the spacing
    "custom". times: those of the present run, descending to 0; a list that is not there yet begins with some of
    them."""
    values = {**parameters, name: value}
    if name == "times":
        if value.strip():
            values["spacing"] = "custom"
        elif values.get("spacing") == "custom":
            del values["spacing"]
    if name == "spacing" and value == "custom" and not values.get("times") and len(times) > 1:
        count = min(len(times) - 1, FIRST_TIMES)
        values["times"] = ", ".join(str(times[i * (len(times) - 1) // count]) for i in range(count))
    return values


def with_custom_times(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Sampler parameters whose list of times, where there is one and no spacing is chosen, counts."""
    values = dict(parameters)
    if values.get("times"):
        values.setdefault("spacing", "custom")
    return values


def first_lenses(chosen: Sequence[str], facts: ModelFacts) -> tuple[str, ...]:
    """The tiles to begin with: those chosen before, and of a latent model also the pictures that latents stand for; of
    a chain of latent variables its own."""
    if facts.family == "chain":
        one = PLANE_VAE_LENSES if facts.levels == (2,) else VAE_LENSES
        return one if facts.T == 1 else HVAE_LENSES
    chosen = tuple(chosen) if set(chosen) - set(CHAIN_LENSES) else IMAGE_LENSES
    if facts.kind != "latent" or set(DECODED_LENSES) & set(chosen):
        return chosen
    return (*chosen, *DECODED_LENSES)


def max_count(facts: ModelFacts) -> int:
    """How many samples the window shows at once, at most."""
    return MAX_PICTURES if facts.on_grid else MAX_POINTS


def _count(state: State) -> int:
    if state.count < 1:
        raise ChoiceError(f"At least one sample is needed, not {state.count}.")
    return state.count


def _seed(seed: int) -> int:
    if not 0 <= seed <= MAX_SEED:
        raise ChoiceError(f"A seed is a whole number from 0 to 2⁶⁴ − 1, not {seed}.")
    return seed


def _guidance(state: State, facts: ModelFacts) -> Guidance:
    if not math.isfinite(state.guidance_scale):
        raise ChoiceError(f"The guidance scale γ must be a finite number, not {state.guidance_scale}.")
    if facts.prompted:
        return _text_guidance(state, facts)
    if state.label is None:
        return Guidance()
    kind = state.guidance_kind
    names = facts.labels(kind)
    if not names:
        raise ChoiceError(_no_labels(kind, facts))
    if not 0 <= state.label < len(names):
        raise ChoiceError(f"Label {state.label} is out of range: this model has classes 0 to {len(names) - 1}.")
    interval = _interval(state.guidance_interval, facts.T)
    if kind == "classifier":  # it has no conditional output to rescale to
        return Guidance(state.label, state.guidance_scale, kind, interval)
    if not facts.guidable and state.guidance_scale != 1.0:
        raise ChoiceError("This model has no null label, so guidance other than γ = 1 is not possible.")
    if not 0 <= state.guidance_rescale <= 1:
        raise ChoiceError(f"The guidance rescale φ lies between 0 and 1, not at {state.guidance_rescale:g}.")
    return Guidance(state.label, state.guidance_scale, kind, interval, state.guidance_rescale)


def _text_guidance(state: State, facts: ModelFacts) -> Guidance:
    if max(len(state.prompt), len(state.negative_prompt)) > MAX_PROMPT:
        raise ChoiceError(f"A prompt has at most {MAX_PROMPT:,} characters.")
    if not state.prompt.strip():
        return Guidance()
    if not 0 <= state.guidance_rescale <= 1:
        raise ChoiceError(f"The guidance rescale φ lies between 0 and 1, not at {state.guidance_rescale:g}.")
    interval = _interval(state.guidance_interval, facts.T)
    texts = (state.prompt, state.negative_prompt)
    return Guidance(0, state.guidance_scale, "classifier-free", interval, state.guidance_rescale, *texts)


def _no_labels(kind: GuidanceKind, facts: ModelFacts) -> str:
    if kind == "classifier":
        return "No classifier fits this model, so classifier guidance is not possible."
    if facts.classifier is not None:
        return f"This network takes no label; choose classifier guidance, by {facts.classifier.title}."
    return "This model has no classes, so it takes no label."


def _interval(interval: tuple[float, float] | None, T: int) -> tuple[float, float] | None:
    if interval is not None and not 0 <= interval[0] <= interval[1] <= T:
        low, high = interval
        raise ChoiceError(f"A guidance interval goes from a low t to a high one within 0 to {T}, not {low:g}:{high:g}.")
    return interval


def _model(state: State) -> ModelRef:
    if state.model is None:
        raise ChoiceError("No model is open.")
    return ModelRef(state.model, state.device, schedule=state.schedule)


def _clip(state: State, facts: ModelFacts) -> Clip | None:
    """How the samplers would limit x̂₀: the user's choice, else the model's, else their own default."""
    values = {
        "clip": True,
        "clip_range": 1.0,
        "percentile": 0.0,
        "most": 0.0,
        **facts.sampler_defaults,
        **state.parameters,
    }
    reach, percentile, most = values["clip_range"], values["percentile"], values["most"]
    numbers = _number(reach) and _number(percentile) and _number(most)
    if values["clip"] is not True or not numbers or reach <= 0 or most < 0 or not 0 <= percentile <= 100:
        return None  # a run says what is wrong with it
    return Clip(reach, percentile, most)


def resolve_look(state: State, facts: ModelFacts, run: int | None = None) -> Look:
    """The Look that shows the state; run is the trajectory to replay where the source is "reverse".

    Raises ChoiceError for choices that the model cannot honour.
    """
    if not 0 <= state.t <= facts.T:
        raise ChoiceError(f"t = {state.t} is out of range: this model's times go from 0 to {facts.T}.")
    source: Forward | Replay
    if state.source == "reverse" and run is not None:
        source = Replay(run, state.step)
    else:
        if state.picture is None and facts.sample_count == 0:
            raise ChoiceError("This model comes without sample pictures: open or drop a picture to look at it.")
        if state.picture is None and not 0 <= state.sample < facts.sample_count:
            raise ChoiceError(
                f"Sample {state.sample} does not exist: this model has samples 0 to {facts.sample_count - 1}."
            )
        source = Forward(state.sample, _count(state), _seed(state.noise_seed), state.picture)
    look = Look(_model(state), source, state.t, _guidance(state, facts), state.lenses, clip=_clip(state, facts))
    return replace(look, by_hand=state.by_hand, partner=state.partner) if facts.family == "chain" else look


def resolve_run(state: State, facts: ModelFacts, run: int, start: int | None = None, until: int | None = None) -> Run:
    """The Run the state asks for. Raises ChoiceError for choices that the model cannot honour."""
    if state.steps < 1:
        raise ChoiceError(f"A run needs at least one step, not {state.steps}.")
    if state.steps > MAX_STEPS:
        raise ChoiceError(f"A run has at most {MAX_STEPS:,} steps, not {state.steps:,}.")
    return Run(
        model=_model(state),
        run=run,
        sampler=state.sampler,
        steps=state.steps,
        seed=_seed(state.sampler_seed),
        count=_count(state),
        guidance=_guidance(state, facts),
        lenses=state.lenses,
        parameters={**facts.sampler_defaults, **state.parameters},
        start=start,
        until=until,
        edited=state.by_hand if facts.family == "chain" and state.by_hand else None,
    )


def resolve_latent_bound(state: State, facts: ModelFacts, samples: int, importance: int) -> LatentBound:
    """The ELBO of a latent chain on so many samples. Raises ChoiceError for choices that cannot be honoured."""
    if facts.sample_count == 0:
        raise ChoiceError("This model comes without samples to measure the bound on.")
    if samples < 1 or importance < 1:
        raise ChoiceError("At least one sample and one draw are needed.")
    return LatentBound(_model(state), min(samples, facts.sample_count), importance, seed=_seed(state.noise_seed))


def measured_samples(state: State, facts: ModelFacts) -> int:
    """How many of the model's samples a measurement can use: with a label those of its class."""
    label = _measured_label(state, facts)
    if label is None or len(facts.sample_labels) != facts.sample_count:
        return facts.sample_count
    return facts.sample_labels.count(label)


def resolve_bound(
    state: State, facts: ModelFacts, samples: int, variance: Literal["beta_tilde", "beta"], ode: bool
) -> Bound:
    """The Bound on so many samples, or all that there are. Raises ChoiceError for choices that cannot be honoured."""
    held = measured_samples(state, facts)
    if held == 0:
        raise ChoiceError("This model comes without samples to measure the bound on.")
    if samples < 1:
        raise ChoiceError(f"At least one sample is needed, not {samples}.")
    label = _measured_label(state, facts)
    return Bound(_model(state), min(samples, held), _seed(state.noise_seed), variance, ode=ode, label=label)


def resolve_matching(state: State, facts: ModelFacts) -> ScoreMatching:
    """The score-matching objectives at the state's t. Raises ChoiceError where there are none."""
    if not facts.truth_known or facts.kind != "points":
        raise ChoiceError("The exact score of this model's data is not known, so there is nothing to compare with.")
    if not 1 <= state.t <= facts.T:
        raise ChoiceError(f"Scores are learned at t = 1 to {facts.T}.")
    return ScoreMatching(_model(state), state.t, min(facts.sample_count, MATCHED_POINTS), _seed(state.noise_seed))


def _measured_label(state: State, facts: ModelFacts) -> int | None:
    return state.label if facts.conditional and state.guidance_kind == "classifier-free" else None
