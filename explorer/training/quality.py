"""How good a conditional picture model is: are its samples what their labels say?

    python -m explorer.training.quality checkpoints/digits --sheet digits.png

Digits are judged by the digits classifier and the result goes into the model's card. Pictures that no
classifier of ours knows are drawn on a sheet, to be judged by eye.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explorer.datasets.pictures import DIGIT_NAMES
from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers.ddim import SAMPLER as DDIM
from explorer.diffusion.samplers.ddim import Parameters
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.paths import CHECKPOINTS
from explorer.training.card import write_card
from explorer.training.folder import read_classifier

CLASSIFIER = CHECKPOINTS / "digits-classifier"
PICTURES: Mapping[float, int] = {2.0: 200}
"""How many pictures are judged at each guidance scale γ."""


def digits_quality(
    folder: Path,
    classifier: Path = CLASSIFIER,
    pictures: Mapping[float, int] = PICTURES,
    steps: int = 50,
    seed: int = 2026,
    device: str = "cpu",
    progress: Callable[[str], None] = print,
) -> dict[str, Any]:
    """The share of DDIM samples in which the classifier sees the label asked for, by γ; also written into the card."""
    model, judge = load(folder, device), read_classifier(classifier, device)
    accuracy = {}
    for guidance_scale, n in pictures.items():
        labels = torch.arange(n, device=model.device) % len(model.facts.class_names)
        with torch.no_grad():
            found = judge(conditional_samples(model, labels, guidance_scale, steps, seed)).argmax(1)
        accuracy[f"{guidance_scale:g}"] = round(float((found == labels).float().mean()), 4)
        progress(f"γ = {guidance_scale:g}: {accuracy[f'{guidance_scale:g}']:.1%} of {n} pictures")
    quality = {
        f"ddim_{steps}_accuracy_by_guidance": accuracy,
        "pictures_by_guidance": {f"{guidance_scale:g}": n for guidance_scale, n in pictures.items()},
        "judge": classifier.name,
        "seed": seed,
    }
    card = folder / "explorer.json"
    written = json.loads(card.read_text(encoding="utf-8")) if card.exists() else {}
    write_card(folder, {**written, "quality": quality})
    return quality


@torch.no_grad()
def conditional_samples(
    model: Model, labels: Tensor, guidance_scale: float, steps: int = 50, seed: int = 2026, batch: int = 50
) -> Tensor:
    """DDIM samples x_0 of shape (n, *model.facts.shape) for int64 labels (n,). Sample k depends on seed and k alone."""
    schedule = model.denoiser.schedule
    parameters = Parameters(clip=bool(model.facts.sampler_defaults.get("clip", False)))
    times = DDIM.plan(schedule, steps, parameters)
    done = []
    for first in range(0, len(labels), batch):
        chunk = labels[first : first + batch]
        noise = NoiseSource(seed, len(chunk), model.facts.shape, model.device, first)
        x = noise(0, Stream.INITIAL) * schedule.prior_std(times[0])
        guided = ClassifierFreeGuidance(model.denoiser, chunk, guidance_scale)
        *_, last = DDIM.sample(guided, schedule, x, times, noise, parameters)
        done.append(last.x)
    return torch.cat(done)


def contact_sheet(model: Model, file: Path, guidance_scale: float = 2.0, rows: int = 8, zoom: int = 4) -> None:
    """A PNG of rows × 8 samples, labels running 0, 1, … through it, each pixel drawn zoom × zoom."""
    columns = 8
    labels = torch.arange(rows * columns, device=model.device) % max(len(model.facts.class_names), 1)
    samples = conditional_samples(model, labels, guidance_scale)
    Image.fromarray(_tiled(samples, columns, zoom)).save(file)


def _tiled(samples: Tensor, columns: int, zoom: int) -> NDArray[np.uint8]:
    """Pictures (n, channels, height, width) in [−1, 1] as one array (rows × height, columns × width, 3), enlarged."""
    n, channels, height, width = samples.shape
    pixels = (samples.clamp(-1, 1) * 127.5 + 127.5).round().byte().cpu().numpy()
    grid = pixels.reshape(n // columns, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = grid.reshape(n // columns * height, columns * width, channels)
    colour = np.repeat(sheet, 3, axis=2) if channels == 1 else sheet
    return colour.repeat(zoom, axis=0).repeat(zoom, axis=1)


def main() -> None:
    """The command line: `python -m explorer.training.quality --help`."""
    parser = argparse.ArgumentParser(prog="python -m explorer.training.quality", description=__doc__)
    parser.add_argument("folder", type=Path, help="the model to judge")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, help="the folder of the digits classifier")
    parser.add_argument("--sheet", type=Path, help="also write a PNG of 64 samples")
    parser.add_argument("--guidance", type=float, default=2.0, help="the guidance scale γ of the sheet")
    parser.add_argument("--sheet-only", action="store_true", help="judge nothing")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch's threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.folder, "cpu")
    if arguments.sheet:
        contact_sheet(model, arguments.sheet, arguments.guidance)
    if model.facts.class_names == DIGIT_NAMES and not arguments.sheet_only:
        digits_quality(arguments.folder, arguments.classifier)


if __name__ == "__main__":
    main()
