"""A network on a grid as one of pictures or of latents: any may have been trained in an autoencoder's latents.

Formats that know theirs to be latent find their autoencoder by themselves; here is what the user, or the card, says
of all others, and the way back to pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.facts import Fact, Kind, ModelError, ModelFacts, Source
from explorer.formats.autoencoder_files import ROW, AutoencoderFiles, said_autoencoder
from explorer.formats.card import read_card
from explorer.formats.context import Context
from explorer.formats.corrections import Corrections
from explorer.formats.evidence import Evidence
from explorer.formats.samples import card_samples, usable_sheet

if TYPE_CHECKING:  # facts are read without torch
    from explorer.formats.model import Model

WORDS: dict[Kind, str] = {"image": "pictures", "points": "points", "line": "numbers", "latent": "latents"}
NONE = "none: the network works on pictures"
LATENT_RANGE = (-3.0, 3.0)


def settle_kind(
    facts: ModelFacts, path: Path, card: Corrections, user: Corrections
) -> tuple[ModelFacts, AutoencoderFiles | None]:
    """The facts with the kind and the autoencoder that were said, and that autoencoder where the format does not know
    it. path: of the model. Raises ModelError for a kind that the network cannot have."""
    if facts.family == "chain":
        return facts, None
    also = ("image", "latent") if facts.on_grid else ()
    if user.kind is not None and user.kind not in (facts.kind, *facts.kinds, *also):
        raise ModelError(f"The kind cannot be “{WORDS[user.kind]}”: {why_fixed(facts)}.")
    if not facts.on_grid:
        return facts, None
    found, told = None, Context(Evidence(), card, user)
    if facts.autoencoder is None:  # the format does not ask for one
        place = user.autoencoder or card.autoencoder or ""
        found = None if user.kind == "image" or not place else said_autoencoder(told, _folder(path), facts.shape)
        own = facts.kind == "latent"
        facts = replace(facts, autoencoder=place)
        if found is not None:
            facts = _latent(facts, found, path, told)
        elif not own:
            facts = _with(facts, Fact(ROW, NONE, "default"))
    if user.kind == "image" and facts.kind == "latent":
        facts = replace(facts, kind="image", picture_shape=None, sample_count=0, sample_labels=())
    elif user.kind == "latent" and facts.kind == "image":
        raise ModelError("To be latents they need an autoencoder: choose its folder or file as “autoencoder”.")
    kinds: tuple[Kind, ...] = (*dict.fromkeys((*(facts.kinds or ("image",)), "latent")),)
    said: Source = "user" if user.kind is not None else "inferred"
    old = next((fact for fact in facts.evidence if fact.name == "kind"), None)
    if old is None or old.value != WORDS[facts.kind] or said == "user":
        facts = _with(facts, Fact("kind", WORDS[facts.kind], said, "" if said == "user" else "the format"), first=True)
    return replace(facts, kinds=kinds, warnings=(*facts.warnings, *told.evidence.warnings)), found


def why_fixed(facts: ModelFacts) -> str:
    """Why a model cannot be of another kind."""
    if facts.family == "chain":
        return "the chain was trained on pictures"
    if facts.on_grid:
        return "the network takes channels on a grid, which are pictures or latents"
    count = facts.shape[0]
    return f"the network takes {'single numbers' if count == 1 else f'{count} numbers, which are points'}"


def with_kind(model: Model, facts: ModelFacts, path: Path, found: AutoencoderFiles | None) -> Model:
    """The model that a format has read, as the facts that `settle_kind` made have it."""
    import numpy as np

    if facts.kind == "image" and model.autoencoder is not None:
        return replace(model, autoencoder=None, samples=np.zeros((0, *facts.shape), np.float32))
    if found is None:
        return model
    from explorer.formats.autoencoder import with_autoencoder

    facts, pictures = card_samples(path, model.facts)
    return with_autoencoder(replace(model, facts=facts, samples=pictures), found.load(model.device))


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _latent(facts: ModelFacts, found: AutoencoderFiles, path: Path, told: Context) -> ModelFacts:
    """Of latents, whose sample pictures are those that they decode to."""
    shape = found.config.picture_shape(facts.shape)
    evidence = [fact for fact in facts.evidence if fact.name not in (ROW, "latent scale", "samples")]
    sheet = usable_sheet(read_card(path).sheet, shape, told.evidence, told.resized)
    labels = sheet.labels if sheet is not None else ()
    ours = {fact.name: fact for fact in evidence}
    value_range = facts.value_range
    if ours["value range"].source in ("default", "inferred"):
        value_range = LATENT_RANGE
        text = f"{value_range[0]:g} … {value_range[1]:g}"
        place = evidence.index(ours["value range"])
        evidence[place] = Fact("value range", text, "inferred", "latents are scaled to unit variance")
    return replace(
        facts,
        kind="latent",
        picture_shape=shape,
        value_range=value_range,
        classifier=None,
        sample_count=sheet.count if sheet is not None else 0,
        sample_labels=labels if all(label < len(facts.class_names) for label in labels) else (),
        sampler_defaults={**facts.sampler_defaults, "clip": False},
        evidence=(*(fact for fact in evidence if fact.name != "classifier"), *told.evidence.facts),
    )


def _with(facts: ModelFacts, fact: Fact, first: bool = False) -> ModelFacts:
    """With a fact in place of the one of its name; else among the first, or at the end."""
    evidence: Sequence[Fact] = facts.evidence
    if any(old.name == fact.name for old in evidence):
        return replace(facts, evidence=tuple(fact if old.name == fact.name else old for old in evidence))
    place = min(1, len(evidence)) if first else len(evidence)
    return replace(facts, evidence=(*evidence[:place], fact, *evidence[place:]))
