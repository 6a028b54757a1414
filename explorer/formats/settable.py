"""Which facts of a model nobody can set otherwise, and why: each reason is a sentence without its full stop."""

from __future__ import annotations

from explorer.facts import ModelError, ModelFacts
from explorer.formats.adjusted import ROWS
from explorer.formats.latent_choice import why_fixed

NO_LABELS = "the network takes no labels"
SETTINGS = ("heads", "qkv_order", "activation", "groups", "time_input", "labels")
"""What the weights of some networks do not say."""


def reasons(facts: ModelFacts) -> dict[str, str]:
    """By key of ROWS; what is not among them can be set."""
    found: dict[str, str] = {}
    if len(facts.kinds) < 2:
        found["kind"] = why_fixed(facts)
    if not facts.on_grid:
        found["size"] = "it follows from the kind" if facts.kinds else why_fixed(facts)
    elif facts.family == "chain":
        found["size"] = "the weights are made for it"
    if not facts.formats:
        found["format"] = "no other format recognises it"
    if not facts.conditional:
        found |= dict.fromkeys(("class_names", "null_label"), NO_LABELS)
    if len(facts.weight_sets) < 2:
        found["weights"] = "there is no other"
    if len(facts.presets) < 2:
        found["preset"] = "the format has none"
    if facts.autoencoder is None:
        found["autoencoder"] = "the network works on no latents"
    for key in SETTINGS:
        if key not in facts.settings:
            found[key] = "the network has none, or its own files say it"
    return {**found, **facts.fixed}


def check_settable(facts: ModelFacts, keys: tuple[str, ...]) -> None:
    """Raises ModelError, one sentence, for a fact that cannot be set."""
    for key in keys:
        if key in facts.fixed:
            raise ModelError(f"The {ROWS[key]} cannot be set: {facts.fixed[key]}.")
