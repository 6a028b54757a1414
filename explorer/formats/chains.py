"""Folders of our own chains of latent variables: `config.json` with the network "latent_chain", and weights.

network_config   {"shape": [channels, height, width], "levels": [numbers in z₁, …, z_L], "hidden", "between",
                 "classes", "top_classes"}
likelihood       "bernoulli": pixels are 0 or 1
class_names, title   optional; the labels of the sample pictures stand in the card
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelFacts, subscript
from explorer.formats.adjusted import KEYS
from explorer.formats.card import read_card
from explorer.formats.corrections import Corrections, parse_overrides
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, read_json
from explorer.formats.own_layout import (
    CONFIG,
    FORMAT_NAME,
    WEIGHTS,
    add_weights,
    check_weights,
    folder_title,
    own_config,
    stated_in,
)
from explorer.formats.samples import card_samples, usable_sheet

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.formats.model import LatentModel

NETWORK = "latent_chain"
LIKELIHOODS = ("bernoulli",)
VALUE_RANGE = (0.0, 1.0)
FIXED = {
    **dict.fromkeys(
        (*KEYS, "prediction"), "a chain of latent variables has levels, and neither times nor noise levels"
    ),
    **dict.fromkeys(("class_names", "null_label"), "a chain of latent variables takes no labels"),
    "value_range": "p(x | z₁) is Bernoulli, so that pixels go from 0 to 1",
}
"""Facts of diffusion models, or written in the network itself."""
MAX_LEVELS, MAX_NUMBERS, MAX_WIDTH = 64, 4_096, 8_192


@dataclass(frozen=True)
class _Configuration:
    shape: tuple[int, int, int]
    levels: tuple[int, ...]
    widths: dict[str, int]
    stated: Corrections

    @property
    def sizes(self) -> dict[str, Any]:
        """The network's."""
        return {"shape": self.shape, "levels": self.levels, **self.widths}


class LatentFolder:
    """The Format of such folders."""

    name = FORMAT_NAME

    def sniff(self, path: Path) -> float:
        return 1.0 if own_config(path).get("network") == NETWORK else 0.0

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        evidence, card, user = Evidence(), read_card(path), parse_overrides(overrides)
        evidence.warnings.extend(card.warnings)
        configuration = _read(path)
        check_weights(path)
        title = folder_title(path, user, card, configuration.stated, evidence)
        levels, (channels, height, width) = configuration.levels, configuration.shape
        family = "VAE" if len(levels) == 1 else "Markovian HVAE"
        evidence.add("family", f"latent chain: {family}", "file", CONFIG)
        sizes = ", ".join(f"z{subscript(t)} {size}" for t, size in enumerate(levels, 1))
        evidence.add("levels", f"{len(levels)}: numbers in {sizes}", "file", CONFIG)
        evidence.add("shape", f"{channels}×{height}×{width} (channels, height, width)", "file", CONFIG)
        evidence.add("likelihood", "p(x|z₁) Bernoulli: every pixel is 0 or 1", "file", CONFIG)
        evidence.add("prior", f"p(z{subscript(len(levels))}) = N(0, I)", "file", CONFIG)
        add_weights(path, evidence)
        sheet = usable_sheet(card.sheet, configuration.shape, evidence)
        card.add_texts(evidence)
        return ModelFacts(
            path=str(path),
            format=self.name,
            title=title,
            kind="image",
            shape=configuration.shape,
            T=len(levels),
            prediction="x0",
            schedule="none",
            value_range=VALUE_RANGE,
            sample_count=sheet.count if sheet else 0,
            sample_labels=sheet.labels if sheet else (),
            family="chain",
            fixed=FIXED,
            levels=levels,
            summary=card.summary,
            evidence=tuple(evidence.facts),
            warnings=tuple(evidence.warnings),
        )

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> LatentModel:
        import torch

        from explorer.formats.model import LatentModel
        from explorer.formats.tensors import load_weights
        from explorer.networks.latent import LatentConfig, LatentNetwork

        found = _read(path)
        with torch.device("meta"):  # shapes without memory
            network = LatentNetwork(LatentConfig(**found.sizes))
        load_weights(network, path / WEIGHTS, f"{path.name}/{WEIGHTS}", device)
        facts, samples = card_samples(path, facts)
        observed = network.observed(torch.from_numpy(samples)).numpy()
        names = found.stated.class_names or tuple(str(k) for k in range(max(facts.sample_labels, default=-1) + 1))
        return LatentModel(facts, network, observed, device, names)


FORMAT = LatentFolder()


def _read(path: Path) -> _Configuration:
    """Raises ModelError for anything that cannot be built."""
    label = f"{path.name}/{CONFIG}"
    fields = Fields(read_json(path / CONFIG, label), label)
    sizes = fields.object("network_config") or Fields({}, label)
    shape = sizes.integers("shape", 1, 4_096, 3)
    levels = sizes.integers("levels", 1, MAX_NUMBERS, MAX_LEVELS)
    if shape is None or len(shape) != 3:
        raise sizes.wrong("shape", "three whole numbers: channels, height, width")
    if levels is None:
        raise sizes.wrong("levels", "the list of how many numbers z₁, z₂, … have")
    if fields.choice("likelihood", LIKELIHOODS[0], LIKELIHOODS) not in LIKELIHOODS:
        raise fields.wrong("likelihood", f"one of {', '.join(LIKELIHOODS)}")
    widths = {
        "hidden": sizes.integer("hidden", 512, 1, MAX_WIDTH),
        "between": sizes.integer("between", 256, 1, MAX_WIDTH),
        "classes": sizes.integer("classes", 0, 0, MAX_NUMBERS),
        "top_classes": sizes.integer("top_classes", 0, 0, MAX_NUMBERS),
    }
    return _Configuration((shape[0], shape[1], shape[2]), levels, widths, stated_in(fields))
