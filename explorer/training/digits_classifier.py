"""Recipe `digits_classifier`: a noise-aware classifier of MNIST, which judges samples and can guide them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.datasets.pictures import PictureSet, digits
from explorer.diffusion.schedules import Schedule, cosine
from explorer.networks.classifier import Classifier, ClassifierConfig
from explorer.training.card import DIGITS_DATASET, recipe_entry, write_card
from explorer.training.folder import read_classifier, write_network
from explorer.training.loop import LoopConfig, train, with_steps
from explorer.training.objective import noised, stratified_times


@dataclass(frozen=True)
class DigitsClassifierConfig:
    """Network and objective. The schedule is that of the digits model, so that this can guide it."""

    network: ClassifierConfig = ClassifierConfig()
    loop: LoopConfig = LoopConfig(
        steps=3_500, learning_rate=2e-3, flat_fraction=0.1, weight_decay=0.05, ema_decay=0.998, save_every=500
    )
    T: int = 1000
    batch_size: int = 128
    clean_fraction: float = 0.4
    """The share of every batch without noise; the rest has t in 1 … T."""
    largest_shift: int = 2
    """Pictures are moved by up to this many pixels, drawn anew for each batch and axis."""


CARD = {
    "title": "Digits classifier",
    "gallery": False,  # it judges pictures, it is not a diffusion model
    "summary": "Reads digits, clean or with the noise of any timestep. It judges the samples of the digits model.",
    "dataset": DIGITS_DATASET,
    "licence": "Weights: MIT, as this program.",
}


def run(out: Path, steps: int | None = None, progress: Callable[[str], None] = print) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    config = with_steps(DigitsClassifierConfig(), steps)
    train_classifier(digits("train"), digits("test"), config, out, progress)


def train_classifier(
    train_set: PictureSet,
    test_set: PictureSet,
    config: DigitsClassifierConfig,
    out: Path,
    progress: Callable[[str], None] = print,
) -> None:
    """Train on `train_set`, measure on `test_set`, write the classifier's folder."""
    torch.manual_seed(config.loop.seed)
    network, schedule = Classifier(config.network), cosine(config.T)
    pictures, labels = train_set.tensor(), torch.from_numpy(train_set.labels)
    clean = round(config.clean_fraction * config.batch_size)

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        index = torch.randint(len(pictures), (config.batch_size,), generator=generator)
        reach = config.largest_shift
        shift = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        x_0 = pictures[index].roll(shift, dims=(2, 3))  # the margins of the digits are black, so rolling is moving
        t = torch.cat([torch.zeros(clean).long(), stratified_times(config.batch_size - clean, config.T, generator)])
        x_t, _, _, _ = noised(schedule, x_0, t, generator)
        # Dropout draws from the global generator, which a resumed run must find in the same state
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        logits = network(x_t, 0.5 * schedule.log_snr(t).float())
        return torch.nn.functional.cross_entropy(logits, labels[index])

    out.mkdir(parents=True, exist_ok=True)
    average, report = train(network, loss_of, config.loop, out / "state.training.pt", progress)
    facts: dict[str, Any] = {
        "kind": "classifier",
        "schedule": {"name": "cosine", "T": config.T},
        "class_names": train_set.class_names,
        "value_range": [-1, 1],
    }
    write_network(out, "classifier", average, facts, torch.float16)
    # What is measured is what was written, rounding included.
    accuracy = classifier_accuracy(read_classifier(out), schedule, test_set, range(0, config.T + 1, config.T // 10))
    progress(str(accuracy))
    quality = {"accuracy": {str(t): round(share, 4) for t, share in accuracy.items()}, "pictures": len(test_set.labels)}
    write_card(out, {**CARD, "recipe": recipe_entry(config, report), "quality": quality})


@torch.no_grad()
def classifier_accuracy(
    classifier: Classifier, schedule: Schedule, pictures: PictureSet, times: Iterable[int], seed: int = 2026
) -> dict[int, float]:
    """The share of pictures, noised to each of the times, that the classifier names rightly."""
    accuracy = {}
    x, labels = pictures.tensor(), torch.from_numpy(pictures.labels)
    batches = [(x[i : i + 1_000], labels[i : i + 1_000]) for i in range(0, len(labels), 1_000)]
    for t in times:
        generator = torch.Generator().manual_seed(seed + t)
        right = 0
        for x_0, y in batches:
            x_t, _, _, _ = noised(schedule, x_0, torch.full((len(y),), t), generator)
            logits = classifier(x_t, torch.tensor(0.5 * schedule.log_snr(t)))
            right += int((logits.argmax(1) == y).sum())
        accuracy[t] = right / len(labels)
    return accuracy
