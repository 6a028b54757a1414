"""Facts that come from outside a model's own files: from its card, and from the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from explorer.facts import Kind, ModelError, NamedSchedule
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.fields import finite, short, whole
from explorer.formats.heads import parse_heads
from explorer.formats.schedule_names import MAX_T, parse_schedule

PredictionName: TypeAlias = Literal["x0", "eps", "score", "v", "flow"]
PREDICTIONS: tuple[PredictionName, ...] = ("x0", "eps", "score", "v", "flow")

VARIANCES = {"fixed_small": "beta_tilde", "fixed_large": "beta", "learned_range": "learned", "learned": "learned"}
"""What diffusers calls the variance of a step → the parameter `variance` of our samplers."""

KINDS: tuple[Kind, ...] = ("image", "points", "line", "latent")
TIME_INPUTS = ("index", "time", "fraction", "sigma", "quarter_log_sigma", "log_snr")
"""What a network may be told: t − 1, t, t/T, σ, ¼ log σ or log SNR."""
QKV_ORDERS = ("heads first", "q, k, v first")
"""How the channels of queries, keys and values lie in one weight: head by head, or all queries before all keys."""
ACTIVATIONS = ("elu", "relu", "lrelu", "swish")

MAX_CLASSES = 100_000
MAX_CHANNELS = 1024
MAX_TEXT = 10_000
MAX_SIDE = 4096


@dataclass(frozen=True)
class Corrections:
    """What one source says; None where it says nothing."""

    title: str | None = None
    prediction: PredictionName | None = None
    class_names: tuple[str, ...] | None = None
    null_label: int | None = None
    value_range: tuple[float, float] | None = None
    schedule: NamedSchedule | None = None
    T: int | None = None
    time_offset: float | None = None
    time_scale: float | None = None
    time_reversed: bool | None = None
    variance: str | None = None
    """One of VARIANCES."""
    weights: str | None = None
    size: tuple[int, ...] | None = None
    """(height, width) or (channels, height, width)"""
    preset: str | None = None
    autoencoder: str | None = None
    """A folder or file, relative to the model's folder."""
    kind: Kind | None = None
    format: str | None = None
    """The name of the format that is to read the file."""
    heads: str | None = None
    """See `heads.parse_heads`."""
    qkv_order: str | None = None
    """One of QKV_ORDERS."""
    activation: str | None = None
    """One of ACTIVATIONS."""
    groups: int | None = None
    """Of group norms."""
    time_input: str | None = None
    """One of TIME_INPUTS."""
    labels: int | None = None
    """How many a network knows, the null label among them."""


def parse_text(value: object) -> str:
    """Raises ValueError unless value is a string of at most MAX_TEXT characters that is not blank."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise ValueError(f"a text of at most {MAX_TEXT:,} characters")
    return value


def _parse_prediction(value: object) -> PredictionName:
    if value not in PREDICTIONS:
        raise ValueError(f"one of {', '.join(PREDICTIONS)}")
    return value


def _parse_class_names(value: object) -> tuple[str, ...]:
    valid = isinstance(value, list | tuple) and 1 <= len(value) <= MAX_CLASSES
    if not valid or not all(isinstance(name, str) and len(name) <= 200 for name in cast("list[object]", value)):
        raise ValueError(f"a list of 1 to {MAX_CLASSES:,} names")
    return tuple(cast("list[str]", value))


def _parse_null_label(value: object) -> int:
    if not whole(value) or not 0 <= value <= MAX_CLASSES:
        raise ValueError("a whole number, the class index that stands for “no label”")
    return value


def _parse_value_range(value: object) -> tuple[float, float]:
    if isinstance(value, list | tuple) and len(value) == 2 and all(finite(end) for end in value):
        low, high = float(value[0]), float(value[1])
        if low < high:
            return low, high
    raise ValueError("two numbers, the smaller first")


def _parse_last_time(value: object) -> int:
    if not whole(value) or not 1 <= value <= MAX_T:
        raise ValueError(f"a whole number from 1 to {MAX_T:,}")
    return value


def _parse_time_offset(value: object) -> float:
    if not finite(value) or abs(value) > MAX_T:
        raise ValueError(f"a number from −{MAX_T:,} to {MAX_T:,}")
    return float(value)


def _parse_time_scale(value: object) -> float:
    if not finite(value) or not 1e-6 <= value <= 1e6:
        raise ValueError("a number from 0.000001 to 1,000,000")
    return float(value)


def _parse_yes(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _parse_variance(value: object) -> str:
    if not isinstance(value, str) or value not in VARIANCES:
        raise ValueError(f"one of {', '.join(VARIANCES)}")
    return value


def _parse_name(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > 100:
        raise ValueError("a name, such as ema or raw")
    return value


def _parse_place(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value or len(value) > 4096:
        raise ValueError("a folder or file, such as vae")
    return value.strip()


def _parse_size(value: object) -> tuple[int, ...]:
    given = tuple(value) if isinstance(value, list | tuple) else (value, value)
    channels, sides = given[:-2], given[-2:]
    numbers = all(whole(side) and 1 <= side <= MAX_SIDE for side in sides)
    if len(given) in (2, 3) and numbers and all(whole(count) and 1 <= count <= MAX_CHANNELS for count in channels):
        return cast("tuple[int, ...]", given)
    raise ValueError(
        f"the pictures' size: one number, [height, width] or [channels, height, width], sides from 1 to {MAX_SIDE:,}"
    )


def _one_of(known: tuple[str, ...]) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return value

    return parse


def _parse_kind(value: object) -> Kind:
    for kind in KINDS:
        if value == kind:
            return kind
    raise ValueError(f"one of {', '.join(KINDS)}")


def _parse_groups(value: object) -> int:
    if not whole(value) or not 1 <= value <= MAX_CHANNELS:
        raise ValueError(f"a whole number from 1 to {MAX_CHANNELS:,}")
    return value


def _parse_labels(value: object) -> int:
    if not whole(value) or not 0 <= value <= MAX_CLASSES:
        raise ValueError(f"a whole number from 0, for none, to {MAX_CLASSES:,}")
    return value


PARSERS: dict[str, Callable[[object], Any]] = {
    "title": parse_text,
    "prediction": _parse_prediction,
    "class_names": _parse_class_names,
    "null_label": _parse_null_label,
    "value_range": _parse_value_range,
    "schedule": parse_schedule,
    "T": _parse_last_time,
    "time_offset": _parse_time_offset,
    "time_scale": _parse_time_scale,
    "time_reversed": _parse_yes,
    "variance": _parse_variance,
    "weights": _parse_name,
    "size": _parse_size,
    "preset": _parse_name,
    "autoencoder": _parse_place,
    "kind": _parse_kind,
    "format": _parse_name,
    "heads": parse_heads,
    "qkv_order": _one_of(QKV_ORDERS),
    "activation": _one_of(ACTIVATIONS),
    "groups": _parse_groups,
    "time_input": _one_of(TIME_INPUTS),
    "labels": _parse_labels,
}
"""By the name of the fact. Each raises ValueError whose text says what is expected."""


def parse_overrides(overrides: Mapping[str, Any]) -> Corrections:
    """The user's corrections. Raises ModelError for a fact that cannot be corrected or a wrong value."""
    values: dict[str, Any] = {}
    for key, value in overrides.items():
        if key not in PARSERS:
            raise ModelError(f"{short(key)} cannot be set: what can is {', '.join(PARSERS)}.")
        try:
            values[key] = PARSERS[key](value)
        except ValueError as error:
            raise ModelError(f"The given {key} must be {error}, not {short(value)}.") from None
    return Corrections(**values)


def settle_classes(
    embeddings: int,
    own: Candidate[tuple[str, ...]],
    own_null: Candidate[int],
    card: Corrections,
    user: Corrections,
    evidence: Evidence,
) -> tuple[tuple[str, ...], int | None]:
    """(class names, null label) of a network that knows the labels 0 … embeddings − 1, 0 for none.

    own, own_null: what the model's own files say. The user goes before the card, the card before the files.
    Names or labels that cannot be the network's are left out with a warning.
    """
    if embeddings == 0:
        if any(given.class_names or given.null_label is not None for given in (card, user)):
            evidence.warn("Class names or a null label are given, but the network takes no labels; they are not used.")
        evidence.add("classes", "none: the network takes no labels", own.source, own.where)
        return (), None

    null: int | None = None
    for label in (Candidate(user.null_label, "user"), Candidate(card.null_label, "card", "explorer.json"), own_null):
        if label.value is None:
            continue
        if label.value < embeddings:
            null = label.value
            evidence.add("null label", null, label.source, label.where)
            break
        evidence.warn(f"The null label {label.value} is not used: the network knows labels 0 to {embeddings - 1}.")
    if null is None:
        evidence.add("null label", "none", "default", "nobody names one")
        evidence.warn("The model has no null label: without a label, class 0 is used, and guidance is impossible.")

    for names in (Candidate(user.class_names, "user"), Candidate(card.class_names, "card", "explorer.json"), own):
        if names.value is None:
            continue
        if len(names.value) <= embeddings:
            evidence.add("classes", ", ".join(names.value), names.source, names.where)
            return names.value, null
        evidence.warn(f"{len(names.value)} class names are not used: the network knows {embeddings} labels.")
    count = embeddings - 1 if null == embeddings - 1 and embeddings > 1 else embeddings
    evidence.add("classes", f"{count} without names", "inferred", own.where)
    return tuple(str(index) for index in range(count)), null
