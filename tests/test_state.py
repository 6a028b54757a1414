"""Choices as plain values: saved, read back whatever a file holds, and checked against a model."""

from __future__ import annotations

import json
import pickle
from dataclasses import fields, replace
from typing import Any

import pytest

from explorer.facts import ClassifierFacts, ModelFacts
from explorer.request import ByHand, Clip, Forward, Guidance, Replay, ScheduleChoice
from explorer.state import (
    MAX_STEPS,
    ChoiceError,
    State,
    first_lenses,
    max_count,
    resolve_look,
    resolve_run,
    with_custom_times,
    with_parameter,
)
from explorer.state.first_lenses import IMAGE_LENSES, LINE_LENSES

FACTS = ModelFacts(
    path="/models/digits",
    format="diffusers",
    title="Digits",
    kind="image",
    shape=(1, 28, 28),
    T=100,
    prediction="eps",
    schedule="cosine",
    class_names=("zero", "one", "two"),
    null_label=3,
    sampler_defaults={"clip": True, "clip_range": 1.5},
    sample_count=20,
)
CLASSIFIER = ClassifierFacts("a judge", ("left", "right"))
WITH_CLASSIFIER = replace(FACTS, classifier=ClassifierFacts("a judge", FACTS.class_names))
LED = Guidance(2, 2.5, "classifier", (3, 40.5))
"""What OTHER asks for: a classifier has nothing to rescale to."""
OTHER = State(
    model="/models/δ",
    device="cpu",
    source="reverse",
    t=7,
    sample=3,
    count=4,
    noise_seed=5,
    picture="/pictures/ü.png",
    label=2,
    guidance_scale=2.5,
    guidance_kind="classifier",
    guidance_interval=(3, 40.5),
    guidance_rescale=0.7,
    prompt="a cät",
    negative_prompt="blur",
    sampler="ddpm",
    steps=20,
    sampler_seed=9,
    parameters={"eta": 0.5, "clip": False, "spacing": "trailing"},
    schedule=ScheduleChoice("custom", (("rho", 5.0),), ((1.0, 8.5), (1000.0, -7.0)), "a.npy"),
    lenses=("eps", "x_t"),
    step=11,
    by_hand=ByHand((0.5, -1.0), ((3, 1.5),)),
    partner=4,
)
"""No value is its default."""

CHOSEN = State(model=FACTS.path)


# --- saved and read back ---------------------------------------------------------------------------------


def test_every_choice_survives_a_file() -> None:
    assert all(getattr(OTHER, f.name) != getattr(State(), f.name) for f in fields(State))
    assert State.from_json(OTHER.to_json()) == OTHER
    assert State.from_json(State().to_json()) == State()


def test_a_state_is_json_that_anybody_reads() -> None:
    text = OTHER.to_json()
    assert json.loads(text)["parameters"] == OTHER.parameters
    assert "ü" in text
    assert pickle.loads(pickle.dumps(OTHER)) == OTHER  # noqa: S301 — the test's own


def test_unknown_and_missing_keys() -> None:
    assert State.from_json('{"t": 5, "of a later version": [1]}') == State(t=5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"t"',
        "[" * 100_000,
        '{"t": "5"}',
        '{"t": 5.5}',
        '{"t": true}',
        '{"t": null}',
        '{"lenses": 5}',
        '{"lenses": "x_t"}',
        '{"lenses": [1]}',
        '{"source": "sideways"}',
        '{"source": []}',
        '{"guidance_scale": NaN}',
        '{"guidance_scale": 1' + 400 * "0" + "}",
        '{"label": "two"}',
        '{"guidance_kind": "magic"}',
        '{"guidance_interval": [1]}',
        '{"guidance_interval": [1, "2"]}',
        '{"guidance_interval": 5}',
        '{"guidance_rescale": null}',
        '{"model": 1}',
        '{"picture": []}',
        '{"parameters": []}',
        '{"parameters": {"eta": [1]}}',
        '{"parameters": {"eta": Infinity}}',
    ],
)
def test_what_is_no_saved_state_is_one_sentence(text: str) -> None:
    with pytest.raises(ChoiceError, match=r"^This is not a saved state: .*\.$") as caught:
        State.from_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_changes_make_a_copy() -> None:
    assert OTHER.with_changes(t=8) == replace(OTHER, t=8)
    assert OTHER.t == 7


# --- checked against a model -----------------------------------------------------------------------------


def refusal(state: State, facts: ModelFacts = FACTS) -> str:
    """The sentence that both looks and runs refuse a state with; for what concerns one alone, that one's."""
    messages = set()
    for resolve in (lambda: resolve_look(state, facts), lambda: resolve_run(state, facts, run=1)):
        try:
            resolve()
        except ChoiceError as error:
            messages.add(str(error))
    assert len(messages) == 1, messages
    (message,) = messages
    assert message[0].isupper() or message.startswith("t = ")
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"t": -1}, "from 0 to 100"),
        ({"t": 101}, "from 0 to 100"),
        ({"sample": 20}, "samples 0 to 19"),
        ({"sample": -1}, "samples 0 to 19"),
        ({"label": 3}, "classes 0 to 2"),  # the null label is none to choose
        ({"label": -1}, "classes 0 to 2"),
        ({"count": 0}, "At least one sample"),
        ({"count": -3}, "At least one sample"),
        ({"steps": 0}, "at least one step"),
        ({"steps": MAX_STEPS + 1}, "at most"),
        ({"noise_seed": -1}, "seed"),
        ({"noise_seed": 2**64}, "seed"),
        ({"sampler_seed": -1}, "seed"),
        ({"sampler_seed": 2**64}, "seed"),
        ({"guidance_scale": float("nan")}, "finite"),
        ({"guidance_scale": float("inf"), "label": 1}, "finite"),
        ({"guidance_interval": (50, 40), "label": 1}, "guidance interval"),
        ({"guidance_interval": (-1, 40), "label": 1}, "within 0 to 100"),
        ({"guidance_interval": (0, 101), "label": 1}, "within 0 to 100"),
        ({"guidance_rescale": 1.1, "label": 1}, "between 0 and 1"),
        ({"guidance_kind": "classifier", "label": 1}, "No classifier fits"),
        ({"model": None}, "No model"),
    ],
)
def test_impossible_choices(changes: dict[str, Any], says: str) -> None:
    assert says in refusal(CHOSEN.with_changes(**changes))


@pytest.mark.parametrize(
    ("facts", "changes", "says"),
    [
        ({"class_names": (), "null_label": None}, {"label": 0}, "no classes"),
        ({"null_label": None}, {"label": 1, "guidance_scale": 2.0}, "no null label"),
        ({"sample_count": 0}, {}, "without sample"),
        ({"class_names": (), "classifier": CLASSIFIER}, {"label": 0}, "choose classifier guidance, by a judge"),
        ({"classifier": CLASSIFIER}, {"label": 2, "guidance_kind": "classifier"}, "classes 0 to 1"),
    ],
)
def test_choices_that_this_model_cannot_honour(facts: dict[str, Any], changes: dict[str, Any], says: str) -> None:
    assert says in refusal(CHOSEN.with_changes(**changes), replace(FACTS, **facts))


def test_a_label_without_a_null_label_needs_no_guidance() -> None:
    facts = replace(FACTS, null_label=None)
    assert resolve_run(CHOSEN.with_changes(label=1), facts, 1).guidance == Guidance(1, 1.0)


def test_without_a_label_the_scale_means_nothing() -> None:
    assert resolve_look(CHOSEN.with_changes(guidance_scale=3.0), FACTS).guidance == Guidance()


@pytest.mark.parametrize("t", [0, 100])
def test_both_ends_of_time_can_be_looked_at(t: int) -> None:
    assert resolve_look(CHOSEN.with_changes(t=t), FACTS).t == t


def test_the_look_a_state_asks_for() -> None:
    state = OTHER.with_changes(source="forward", picture=None)
    look = resolve_look(state, WITH_CLASSIFIER)
    assert look.source == Forward(first=3, count=4, noise_seed=5)
    assert (look.t, look.guidance, look.lenses) == (7, LED, ("eps", "x_t"))
    assert (look.model.path, look.model.device) == ("/models/δ", "cpu")


def test_a_picture_takes_the_place_of_the_samples() -> None:
    look = resolve_look(CHOSEN.with_changes(picture="cat.png", sample=99), replace(FACTS, sample_count=0))
    assert isinstance(look.source, Forward)
    assert look.source.picture == "cat.png"


def test_in_reverse_the_recorded_step_is_shown() -> None:
    state = CHOSEN.with_changes(source="reverse", step=3)
    assert resolve_look(state, FACTS, run=8).source == Replay(8, 3)
    assert isinstance(resolve_look(state, FACTS).source, Forward)  # nothing recorded yet
    assert isinstance(resolve_look(CHOSEN, FACTS, run=8).source, Forward)


def test_the_run_a_state_asks_for() -> None:
    run = resolve_run(OTHER, WITH_CLASSIFIER, run=6, start=2, until=5)
    assert (run.run, run.start, run.until) == (6, 2, 5)
    assert (run.sampler, run.steps, run.seed, run.count) == ("ddpm", 20, 9, 4)
    assert run.guidance == LED


def test_what_a_kind_of_guidance_takes() -> None:
    state = OTHER.with_changes(guidance_kind="classifier-free")
    assert resolve_run(state, FACTS, 1).guidance == Guidance(2, 2.5, "classifier-free", (3, 40.5), 0.7)
    unlabelled = replace(FACTS, class_names=(), null_label=None, classifier=CLASSIFIER)
    state = CHOSEN.with_changes(label=1, guidance_kind="classifier", guidance_scale=3.0)
    assert resolve_run(state, unlabelled, 1).guidance == Guidance(1, 3.0, "classifier")


def test_what_the_user_set_goes_before_the_models_defaults() -> None:
    run = resolve_run(CHOSEN.with_changes(parameters={"clip": False, "eta": 1.0}), FACTS, 1)
    assert run.parameters == {"clip": False, "clip_range": 1.5, "eta": 1.0}


def test_points_can_be_many() -> None:
    assert max_count(replace(FACTS, kind="points", shape=(2,))) > max_count(FACTS) >= 1


def test_a_list_of_times_and_its_spacing_go_together() -> None:
    assert with_parameter({"eta": 1.0}, "times", "90, 50") == {"eta": 1.0, "times": "90, 50", "spacing": "custom"}
    assert with_parameter({"times": "90", "spacing": "custom"}, "times", " ") == {"times": " "}
    assert with_parameter({"spacing": "trailing"}, "times", "") == {"spacing": "trailing", "times": ""}
    begun = with_parameter({}, "spacing", "custom", times=tuple(range(100, -1, -1)))
    assert begun == {"spacing": "custom", "times": "100, 90, 80, 70, 60, 50, 40, 30, 20, 10"}
    assert with_parameter({}, "spacing", "custom", times=(9, 5, 0))["times"] == "9, 5"
    assert with_parameter({"times": "7"}, "spacing", "custom", times=(9, 5, 0))["times"] == "7"
    assert with_custom_times({"times": "7"}) == {"times": "7", "spacing": "custom"}
    assert with_custom_times({"times": "7", "spacing": "karras"})["spacing"] == "karras"


def test_looks_and_runs_carry_the_schedule() -> None:
    state = CHOSEN.with_changes(schedule=ScheduleChoice("karras", (("rho", 5.0),)))
    assert resolve_look(state, FACTS).model.schedule == state.schedule
    assert resolve_run(state, FACTS, 1).model.schedule == state.schedule


@pytest.mark.parametrize(
    "value",
    ["linear", {}, {"name": 3}, {"name": "custom", "points": [[1, 2, 3]]}, {"name": "x", "parameters": [[1, 2]]},
     {"name": "custom", "points": [["1", 2]]}, {"name": "custom", "points": [[1, None]]}],
)  # fmt: skip
def test_a_saved_schedule_that_is_none(value: Any) -> None:
    with pytest.raises(ChoiceError, match="schedule cannot be"):
        State.from_json(json.dumps({"schedule": value}))


@pytest.mark.parametrize(
    ("parameters", "clip"),
    [
        ({}, Clip(1.5)),
        ({"clip": False}, None),
        ({"clip_range": 2.0, "percentile": 99.0}, Clip(2.0, 99.0)),
        ({"percentile": 101.0}, None),
        ({"clip_range": "wide"}, None),
    ],
)
def test_a_look_knows_how_a_sampler_would_limit_x0(parameters: dict[str, Any], clip: Clip | None) -> None:
    assert resolve_look(CHOSEN.with_changes(parameters=parameters), FACTS).clip == clip


def test_the_first_tiles_of_numbers_are_their_own_and_stay_among_them() -> None:
    line = ModelFacts("p", "own", "P", "line", (1,), 50, "v", "cosine")
    picture = ModelFacts("q", "diffusers", "Q", "image", (1, 4, 4), 100, "eps", "cosine")
    assert first_lenses(IMAGE_LENSES, line) == LINE_LENSES
    assert first_lenses((*LINE_LENSES, "noising"), line) == (*LINE_LENSES, "noising")
    assert first_lenses(LINE_LENSES, picture) == IMAGE_LENSES
    assert first_lenses(("x_t", "noising"), picture) == ("x_t", "noising")
