"""How good a conditional picture model is: are its samples what their labels say?

    python -m explorer.training.quality checkpoints/faces faces.png

Digits are judged by the digits classifier (`remeasure.py` writes that into the card). Pictures that no classifier of
ours knows are drawn on a sheet, as above, to be judged by eye.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explorer.diffusion.guidance import ClassifierFreeGuidance
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers.ddim import SAMPLER as DDIM
from explorer.diffusion.samplers.ddim import Parameters
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.training.folder import DIGITS_CLASSIFIER, read_classifier

PICTURES: Mapping[float, int] = {2.0: 200}
"""How many pictures are judged at each guidance scale γ."""


def digits_quality(
    folder: Path,
    classifier: Path = DIGITS_CLASSIFIER,
    pictures: Mapping[float, int] = PICTURES,
    steps: int = 50,
    seed: int = 2026,
    device: str = "cpu",
    progress: Callable[[str], None] = print,
) -> dict[str, Any]:
    """The card's entry `quality`: the share of DDIM samples in which the classifier sees the label asked for, by γ.

    pictures: how many at each γ.
    """
    model, judge = load(folder, device), read_classifier(classifier, device)
    accuracy = {}
    for guidance_scale, n in pictures.items():
        labels = torch.arange(n, device=model.device) % len(model.facts.class_names)
        with torch.no_grad():
            found = judge(conditional_samples(model, labels, guidance_scale, steps, seed)).argmax(1)
        accuracy[f"{guidance_scale:g}"] = round(float((found == labels).float().mean()), 4)
        progress(f"γ = {guidance_scale:g}: {accuracy[f'{guidance_scale:g}']:.1%} of {n} pictures")
    return {
        f"ddim_{steps}_accuracy_by_guidance": accuracy,
        "pictures_by_guidance": {f"{guidance_scale:g}": n for guidance_scale, n in pictures.items()},
        "judge": classifier.name,
        "seed": seed,
    }


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
    parser = argparse.ArgumentParser(prog="python -m explorer.training.quality", description=contact_sheet.__doc__)
    parser.add_argument("folder", type=Path, help="the model")
    parser.add_argument("sheet", type=Path, help="the PNG to write")
    parser.add_argument("--guidance", type=float, default=2.0, help="the guidance scale γ (2)")
    arguments = parser.parse_args()
    contact_sheet(load(arguments.folder, "cpu"), arguments.sheet, arguments.guidance)


if __name__ == "__main__":
    main()
