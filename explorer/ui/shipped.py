"""The models that come with the program, in the order in which one gets to know them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Shipped:
    """A shipped model as the gallery shows it."""

    path: Path
    title: str
    summary: str
    picture: Path | None


@dataclass(frozen=True)
class Group:
    """Models that are looked at together. note: what they have in common. names: of their folders, in their order."""

    title: str
    note: str
    names: tuple[str, ...]


GROUPS = (
    Group("Pictures", "Drag t, choose a label, play a run.", ("digits", "faces", "vdm", "ncsn")),
    Group(
        "Points in the plane",
        "The exact density and score are known beside the learned ones.",
        ("mixture", "mixture-exact", "moons", "rings", "checkerboard", "swiss_roll"),
    ),
    Group(
        "Numbers on a line",
        "One dimension: all densities of a step are seen whole.",
        ("mixture_1d", "mixture_1d-exact"),
    ),
    Group(
        "Latent variables",
        "Where diffusion models come from: the same picture in a few numbers, in one step or in several.",
        ("vae_2d", "vae", "hvae"),
    ),
    Group(
        "One network, four targets",
        "All that differs is what the squared error is taken of.",
        ("digits-eps", "digits-x0", "digits-v", "digits-score"),
    ),
)
OTHERS = Group("More models", "", ())


def shipped_in(folder: Path) -> list[Shipped]:
    """The models below a folder that can be looked at: those of GROUPS in its order, then others by name."""
    order = {name: i for i, name in enumerate(name for group in GROUPS for name in group.names)}
    models = []
    cards = sorted(
        folder.glob("*/explorer.json"), key=lambda card: (order.get(card.parent.name, len(order)), card.parent.name)
    )
    for card in cards:
        try:
            values = json.loads(card.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if not values.get("gallery", True):
            continue
        pictures = [card.parent / name for name in ("preview.png", "samples.png")]
        picture = next((file for file in pictures if file.is_file()), None)
        models.append(Shipped(card.parent, values.get("title", card.parent.name), values.get("summary", ""), picture))
    return models


def grouped(models: Sequence[Shipped]) -> list[tuple[Group, list[Shipped]]]:
    """The groups that have models, with them; what all summaries of a group begin with is left out."""
    found = []
    known = {name for group in GROUPS for name in group.names}
    for group in (*GROUPS, OTHERS):
        members = [m for m in models if m.path.name in group.names or (group is OTHERS and m.path.name not in known)]
        if members:
            found.append((group, _without_common_sentence(members)))
    return found


def _without_common_sentence(models: list[Shipped]) -> list[Shipped]:
    first = models[0].summary.partition(". ")[0] + ". "
    if len(models) < 2 or not all(model.summary.startswith(first) for model in models):
        return models
    return [replace(model, summary=model.summary.removeprefix(first)) for model in models]
