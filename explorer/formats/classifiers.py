"""Classifiers that can guide a model: the exact posterior of a mixture, or a network that reads noisy pictures.

A network fits a model of pictures where shape, value range and class names are the same. It is looked for in the
folder `classifier` inside the model's own, then among the shipped checkpoints. It is told the noise level by its
SNR, and x_t in units of its own variance, so it serves every schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ClassifierFacts, ModelError
from explorer.formats.card import read_card
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields, read_json
from explorer.paths import CHECKPOINTS

if TYPE_CHECKING:  # facts are read without torch
    import torch

    from explorer.diffusion.guidance import LogClassifier
    from explorer.diffusion.mixture import GaussianMixture
    from explorer.diffusion.schedules import Schedule

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
FOLDER = "classifier"
"""Inside a model's own."""

_SIZES = {"channels": (1, 64), "size": (4, 4096), "classes": (1, 100_000), "frequencies": (1, 1024)}


def exact_classifier(components: int, class_names: Sequence[str]) -> ClassifierFacts | None:
    """The exact posterior of a mixture as the classifier of a model with these classes, () for none.

    None where the classes are not the components.
    """
    names = tuple(class_names) or tuple(f"component {k}" for k in range(components))
    if len(names) != components:
        return None
    return ClassifierFacts("the exact posterior p(component | x_t) of the mixture", names)


def find_classifier(
    folder: Path, shape: tuple[int, ...], value_range: tuple[float, float], class_names: tuple[str, ...]
) -> ClassifierFacts | None:
    """The network that fits the model of pictures in a folder, None where there is none."""
    if not class_names or shape[1] != shape[2]:
        return None
    wanted = (shape[0], shape[1], tuple(value_range), class_names)
    for candidate in (folder / FOLDER, *sorted(CHECKPOINTS.glob("*/"))):
        try:
            fields = _fields(candidate)
            if fields is None or _fits(fields) != wanted:
                continue
            title = read_card(candidate).corrections.title or candidate.name
        except (ModelError, OSError):
            continue  # a damaged one is none; the model itself can be opened
        return ClassifierFacts(f"the network “{title}”", class_names, str(candidate))
    return None


def settle_classifier(
    folder: Path,
    shape: tuple[int, ...],
    value_range: tuple[float, float],
    class_names: tuple[str, ...],
    evidence: Evidence,
) -> ClassifierFacts | None:
    """The network that fits the model, recorded as evidence."""
    found = find_classifier(folder, shape, value_range, class_names)
    if found is not None:
        evidence.add("classifier", found.title, "inferred", found.path)
    return found


def posterior(mixture: GaussianMixture, schedule: Schedule) -> Callable[[], LogClassifier]:
    """The exact classifier, made when it is first asked for."""

    @cache
    def made() -> LogClassifier:
        import torch

        from explorer.diffusion.guidance import mixture_classifier

        with torch.inference_mode(False):  # or it could not be differentiated
            return mixture_classifier(mixture, schedule)

    return made


def network_classifier(facts: ClassifierFacts, schedule: Schedule, device: torch.device) -> Callable[[], LogClassifier]:
    """The network of a folder, read when it is first asked for. What it gives raises ModelError where it cannot be."""

    @cache
    def made() -> LogClassifier:
        import torch

        from explorer.diffusion.guidance import noise_aware_classifier
        from explorer.formats.tensors import load_weights
        from explorer.networks.classifier import Classifier, ClassifierConfig

        folder = Path(facts.path)
        fields = _fields(folder)
        if fields is None:
            raise ModelError(f"{folder.name} is no classifier any more: open the model again.")
        with torch.inference_mode(False):  # or it could not be differentiated
            with torch.device("meta"):  # shapes without memory
                classifier = Classifier(ClassifierConfig(**_sizes(fields)))
            load_weights(classifier, folder / WEIGHTS, f"{folder.name}/{WEIGHTS}", device)
            return noise_aware_classifier(classifier, schedule)

    return made


def _fields(folder: Path) -> Fields | None:
    """The configuration in a folder, None where it is not that of a classifier. Raises ModelError, OSError."""
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        return None
    label = f"{folder.name}/{CONFIG}"
    values = read_json(folder / CONFIG, label)
    return Fields(values, label) if values.get("network") == "classifier" else None


def _fits(fields: Fields) -> tuple[Any, ...]:
    """Channels, size, value range and class names of the pictures that a classifier reads."""
    sizes, names = _sizes(fields), fields.values.get("class_names")
    value_range = fields.numbers("value_range", -1e6, 1e6, 2)
    return sizes["channels"], sizes["size"], value_range, tuple(names) if isinstance(names, list) else ()


def _sizes(fields: Fields) -> dict[str, Any]:
    """The arguments of ClassifierConfig. Raises ModelError for impossible ones."""
    given = fields.object("network_config") or Fields({}, fields.label)
    sizes: dict[str, Any] = {key: given.integer(key, None, *ends) for key, ends in _SIZES.items()}
    sizes["widths"] = given.integers("widths", 8, 8192, 3)
    if any(size is None for size in sizes.values()) or len(sizes["widths"]) != 3 or any(w % 8 for w in sizes["widths"]):
        raise ModelError(f"{fields.label} does not give the sizes of a classifier.")
    return sizes
