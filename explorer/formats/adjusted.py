"""A model with what the user, a probe or a card says of its schedule and of its time input, whatever its format.

Formats settle what belongs to their files: the meaning of the output, the value range, the labels, the set of weights.
How t goes into a network, and which noise level it stands for, is the same for all, and is changed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from explorer.facts import Fact, LearnedVariance, ModelError, ModelFacts, NamedSchedule, Source, TimeInput
from explorer.formats.card import CARD_FILE
from explorer.formats.corrections import VARIANCES, Corrections
from explorer.formats.latent_choice import WORDS
from explorer.formats.schedule_names import make_schedule

if TYPE_CHECKING:  # facts are read without torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition, Denoiser
    from explorer.diffusion.schedules import Schedule
    from explorer.formats.model import Model

KEYS = ("schedule", "T", "time_offset", "time_scale", "time_reversed", "variance")
"""The facts that are settled here."""
ROWS = {
    "title": "title",
    "prediction": "prediction type",
    "class_names": "classes",
    "null_label": "null label",
    "value_range": "value range",
    "schedule": "noise schedule",
    "T": "T",
    "time_offset": "time offset",
    "time_scale": "time scale",
    "time_reversed": "time direction",
    "variance": "variance",
    "weights": "set of weights",
    "size": "shape",
    "preset": "preset",
    "autoencoder": "autoencoder",
    "kind": "kind",
    "format": "format",
    "heads": "attention heads",
    "qkv_order": "attention order",
    "activation": "activation",
    "groups": "groups of norms",
    "time_input": "time input",
    "labels": "labels",
}
"""What the evidence calls the facts that can be set."""
OF_THE_SCHEDULE = ("first β", "last β", "zero terminal SNR")
"""Evidence that goes with the file's own schedule."""
LEARNED: dict[str, LearnedVariance] = {"learned_range": "range", "learned": "value"}
ONE_SET = "one; whether averaged (EMA), nobody says"


def adjust_facts(facts: ModelFacts, card: Corrections, user: Corrections) -> ModelFacts:
    """The facts with the schedule and the time input as the card or the user has them, and the evidence for it.

    Raises ModelError where T is set for a schedule that has no name.
    """
    if facts.family == "chain":  # it has levels, and no network is told a time
        return facts
    warnings = [
        f"The given {ROWS[key]} is not used: {facts.fixed[key]}."
        for key in KEYS
        if key in facts.fixed and (getattr(user, key) is not None or getattr(card, key) is not None)
    ]
    values, sources = _settled(facts.fixed, card, user)
    evidence = list(facts.evidence)
    if not any(fact.name == "kind" for fact in evidence):
        evidence.insert(min(1, len(evidence)), Fact("kind", WORDS[facts.kind], "inferred"))
    schedule, T = facts.schedule_numbers, facts.T
    if "schedule" in values:
        schedule = values["schedule"]
        evidence = [fact for fact in evidence if fact.name not in OF_THE_SCHEDULE]
        _put(evidence, "noise schedule", _schedule_text(values["schedule"]), sources["schedule"])
    if "T" in values:
        if schedule is None:
            raise ModelError(f"The schedule “{facts.schedule}” cannot be made for another T: name one too.")
        T = values["T"]
        _put(evidence, "T", str(T), sources["T"])
    facts = _with_variance(facts, values.get("variance"), sources.get("variance"), evidence, warnings)
    if not facts.weight_sets and any(fact.name == "weights" for fact in evidence):
        _put(evidence, ROWS["weights"], ONE_SET, "inferred", after="weights")
    time = TimeInput(values.get("time_offset", 0.0), values.get("time_scale", 1.0), values.get("time_reversed", False))
    for key, text in (
        ("time_reversed", "reversed" if time.reversed else "noise grows with t"),
        ("time_scale", f"{time.scale:g}"),
        ("time_offset", f"{time.offset:+g}" if time.offset else "0"),
    ):
        if key not in facts.fixed:
            _put(evidence, ROWS[key], text, sources.get(key, "default"), after="prediction type")
    return replace(
        facts,
        T=T,
        schedule=schedule.label if schedule is not None and "schedule" in values else facts.schedule,
        schedule_numbers=schedule,
        time_input=time,
        evidence=tuple(evidence),
        warnings=(*facts.warnings, *warnings),
    )


def _with_variance(
    facts: ModelFacts, said: str | None, source: Source | None, evidence: list[Fact], warnings: list[str]
) -> ModelFacts:
    """The facts with the variance of a step as it is said to be, and the evidence for it."""
    own = [fact for fact in evidence if fact.name == "learned variance"]
    if said in LEARNED and facts.learned_variance is None:
        warnings.append("The given variance is not used: the network's output has no channels for one.")
        said = None
    if said is None or source is None:
        if facts.learned_variance == "unused":
            warnings.append(
                "The network's learned variance is not used: no file says what it is, learned_range or learned."
            )
        if not any(fact.name == ROWS["variance"] for fact in evidence):
            word, how = variance_name(facts), own[0].source if own else "default"
            _put(evidence, ROWS["variance"], word, how, after="prediction type")
        return facts
    evidence[:] = [fact for fact in evidence if fact not in own]
    _put(evidence, ROWS["variance"], said, source, after="prediction type")
    learned = None if facts.learned_variance is None else LEARNED.get(said, "unused")
    defaults = {**facts.sampler_defaults, "variance": VARIANCES[said]}
    return replace(facts, learned_variance=learned, sampler_defaults=defaults)


def variance_name(facts: ModelFacts) -> str:
    """What is in force, one of VARIANCES."""
    for name, learned in LEARNED.items():
        if facts.learned_variance == learned:
            return name
    return "fixed_large" if facts.sampler_defaults.get("variance") == "beta" else "fixed_small"


def adjust_model(model: Model, card: Corrections, user: Corrections) -> Model:
    """The model with the facts that `adjust_facts` made of its own. Raises ModelError where that is not possible."""
    facts, values = model.facts, _settled(model.facts.fixed, card, user)[0]
    if not values or facts.family == "chain":
        return model
    if values.keys() == {"variance"} and facts.learned_variance is None:
        return model  # it is a choice of the sampler's
    denoiser, schedule, classifier = model.denoiser, model.denoiser.schedule, model.classifier
    if "schedule" in values or "T" in values:
        assert facts.schedule_numbers is not None
        schedule = make_schedule(facts.schedule_numbers, facts.T)
        if facts.classifier is not None:
            from explorer.formats.classifiers import network_classifier, posterior

            classifier = (
                network_classifier(facts.classifier, schedule, model.device)
                if facts.classifier.path or model.truth is None
                else posterior(model.truth, schedule)
            )
    return replace(model, denoiser=_on(denoiser, schedule, facts), classifier=classifier)


def _on(denoiser: Denoiser, schedule: Schedule, facts: ModelFacts) -> Denoiser:
    """The denoiser on another schedule, its network told the time as the facts have it. Raises ModelError."""
    from explorer.diffusion.denoiser import NetworkDenoiser
    from explorer.diffusion.mixture import MixtureDenoiser

    if isinstance(denoiser, MixtureDenoiser):  # exact on every path; it is told no time
        return replace(denoiser, schedule=schedule)
    if not isinstance(denoiser, NetworkDenoiser):
        raise ModelError(f"The schedule and the time input of “{facts.title}” cannot be set: its format owns them.")
    # A network that is told the noise level of its schedule, not t itself, says how to get to another.
    on = getattr(denoiser.network, "on", None)
    network = denoiser.network if on is None or schedule is denoiser.schedule else on(schedule)
    if not facts.time_input.plain:
        network = Retimed(network, schedule, facts.time_input)
    return replace(denoiser, network=network, schedule=schedule, learned_variance=facts.learned_variance)


@dataclass(frozen=True, eq=False)
class Retimed:
    """(x_t, t, condition) → output of a network that is asked at another time than t (see TimeInput)."""

    network: Any
    schedule: Schedule
    time: TimeInput

    def own_time(self, t: float) -> float:
        """The time that the network gets."""
        T, time = self.schedule.T, self.time
        if not self.schedule.discrete:
            least = 1e-5 * T
            moved = ((T - t) if time.reversed else t) * time.scale + time.offset
            return min(max(moved, least * time.scale), T * time.scale)
        index = ((T - t) if time.reversed else (t - 1)) * time.scale + time.offset
        return 1 + round(min(max(index, 0), (T - 1) * max(time.scale, 1.0)))

    def __call__(self, x_t: Tensor, t: float, condition: Condition) -> Tensor:
        output: Tensor = self.network(x_t, self.own_time(t), condition)
        return output


def _settled(
    fixed: Mapping[str, str], card: Corrections, user: Corrections
) -> tuple[dict[str, Any], dict[str, Source]]:
    """The values that count, and whose they are."""
    values: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    said: tuple[tuple[Corrections, Source], ...] = ((card, "card"), (user, "user"))
    for corrections, source in said:
        for key in KEYS:
            value = getattr(corrections, key)
            if value is not None and key not in fixed:
                values[key], sources[key] = value, source
    return values, sources


def _put(evidence: list[Fact], name: str, value: str, source: Source, after: str = "") -> None:
    """A fact in place of the one of that name; else behind the one called `after`, or at the end."""
    fact = Fact(name, value, source, CARD_FILE if source == "card" else "")
    for place, old in enumerate(evidence):
        if old.name == name:
            evidence[place] = fact
            return
    places = [place for place, old in enumerate(evidence) if old.name == after]
    evidence.insert(places[0] + 1 if places else len(evidence), fact)


def _schedule_text(schedule: NamedSchedule) -> str:
    return f"{schedule}, zero terminal SNR" if schedule.zero_terminal_snr else str(schedule)


def with_sources(facts: ModelFacts, plain: ModelFacts | None, sources: Mapping[str, Source], where: str) -> ModelFacts:
    """Say of each fact that was set whose word that is, where it is kept, and what the model itself says.

    plain: the facts without what was set, None where the model cannot be opened without.
    """
    keys = {row: key for key, row in ROWS.items()}
    own = {fact.name: fact for fact in plain.evidence} if plain is not None else {}
    evidence = []
    for fact in facts.evidence:
        if fact.source == "user" and (source := sources.get(keys.get(fact.name, ""))) is not None:
            before = own.get(fact.name)
            instead = "" if before is None or before.value == fact.value else _said(before)
            fact = replace(fact, source=source, where=where, instead=instead)
        evidence.append(fact)
    return replace(facts, evidence=tuple(evidence))


def _said(fact: Fact) -> str:
    return f"{fact.value} ({fact.source}{': ' + fact.where if fact.where else ''})"
