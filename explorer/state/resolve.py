"""What the user's choices mean for a model: the only place where choices meet facts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from explorer.facts import GuidanceKind, ModelFacts
from explorer.request import (
    Bound,
    Clip,
    Forward,
    Guidance,
    LatentBound,
    Look,
    ModelRef,
    Replay,
    Run,
    ScoreMatching,
)
from explorer.state.choices import State
from explorer.state.errors import ChoiceError
from explorer.state.saved import is_number

MAX_PICTURES = 16
MAX_POINTS = 20_000
DEFAULT_POINTS = 5_000
MATCHED_POINTS = 5_000
MAX_PROMPT = 2_000
MAX_SEED = 2**64 - 1
MAX_STEPS = 100_000


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
    numbers = is_number(reach) and is_number(percentile) and is_number(most)
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
    if not facts.truth_known or facts.on_grid:
        raise ChoiceError("The exact score of this model's data is not known, so there is nothing to compare with.")
    if not 1 <= state.t <= facts.T:
        raise ChoiceError(f"Scores are learned at t = 1 to {facts.T}.")
    return ScoreMatching(_model(state), state.t, min(facts.sample_count, MATCHED_POINTS), _seed(state.noise_seed))


def _measured_label(state: State, facts: ModelFacts) -> int | None:
    return state.label if facts.conditional and state.guidance_kind == "classifier-free" else None
