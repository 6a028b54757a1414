"""Chains of latent variables of the digits: the recipes `vae`, `vae_2d` and `hvae` are sizes and weights of this one.

The loss is −ELBO with weights β_t on the terms of the levels. The labels teach the decoder's gate, which decides what
is drawn, and thereby the encoder to keep the classes apart. Besides, draws from the prior are to be readable: a
small classifier learns the digits at the same time, and the decoder is asked for pictures of which it is sure, so
that there are borders between the digits in place of blurs. That costs some of the ELBO, which is measured afterwards
as it is. The classifier that judges the finished model is another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from explorer.datasets.pictures import PictureSet, digits
from explorer.diffusion.latent import Diagonal, LatentChain, LevelNoise, descend
from explorer.diffusion.noise import Stream
from explorer.networks.latent import LatentConfig, LatentNetwork
from explorer.training.card import recipe_entry, write_card, write_shown
from explorer.training.folder import DIGITS_CLASSIFIER, read_classifier, write_network
from explorer.training.loop import LoopConfig, train, with_steps

SAMPLES = 500
"""Test pictures that come with the model."""
JUDGED = 1_000
CONFIDENT = 0.8
READS_AT_FIRST, READS_EVERY = 600, 4
"""The reader learns at each of the first steps, then now and then."""
CLEAN = 0.5
"""The share of pictures that it reads alone."""


@dataclass(frozen=True)
class LatentTraining:
    """Network and objective. betas: β_1 … β_L. readable: the weight of the draws' readability, in nats; labelled: that
    of the label that each gate is to see in its z.

    annealed: the share of the run in which the terms of the levels come in.
    """

    network: LatentConfig
    betas: tuple[float, ...]
    loop: LoopConfig
    readable: float = 0.0
    labelled: float = 0.0
    annealed: float = 0.2
    batch_size: int = 128
    drawn: int = 64
    """Draws from the prior a step."""
    read_as: Literal["gate", "any"] = "gate"
    """What the reader is to see in a draw: what the gate decided, or anything so long as all classes come up alike."""
    steepness: float = 30.0
    """By what the gate's logits are multiplied after training: a gate that hesitates draws ghosts of both classes."""


class Reader(nn.Module):
    """Pictures (n, 1, 28, 28) in [0, 1] → the logits of ten classes; learns beside the chain, and is not kept."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv2d(16, 32, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(32 * 49, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layers(x)
        return logits


class Pupil(nn.Module):
    """The chain and its reader, trained by one optimiser."""

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.chain, self.reader = LatentNetwork(config), Reader()


def chain_loss(
    pupil: Pupil,
    x: Tensor,
    labels: Tensor,
    config: LatentTraining,
    weight: float,
    generator: torch.Generator,
) -> Tensor:
    """−E[log p(x|z₁)] + weight Σ β_t K_t − labelled E[log gate(label|z₁)], the mean over the batch, in nats a pixel.

    x: pixels 0 or 1. A gate of the top is to see the label too: otherwise the top has no need to say anything.
    """
    chain = pupil.chain
    below, qs, zs = x, [], []
    for t in range(1, len(chain.sizes) + 1):
        q = chain.encode(t, below)
        below = q.at(torch.randn(q.mean.shape, generator=generator))
        qs.append(q)
        zs.append(below)
    logits = chain.likelihood(zs[0]).logits
    loss = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    if chain.gate is not None:
        loss = loss + config.labelled * nn.functional.cross_entropy(chain.gate(zs[0]), labels)
    if chain.top_gate is not None:
        loss = loss + config.labelled * nn.functional.cross_entropy(chain.top_gate(zs[-1]), labels)
    for i, (q, z) in enumerate(zip(qs, zs, strict=True)):
        if i + 1 == len(zs):
            term = q.kl_by_dimension(Diagonal.standard(z))
        else:
            term = _log_density(q, z) - _log_density(chain.decode(i + 2, zs[i + 1]), z)
        loss = loss + weight * config.betas[i] * term.sum(1).mean()
    return loss / x[0].numel()


def _log_density(p: Diagonal, z: Tensor) -> Tensor:
    """By number, less the constant; float32, for training."""
    return -0.5 * ((z - p.mean) / p.std).square() - p.log_std


def reading_loss(reader: Reader, x: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures laid over each other are to be read as both: a reader that is sure of a ghost would ask for ghosts."""
    reader.requires_grad_(True)
    other = torch.randperm(len(x), generator=generator)
    share = torch.rand(len(x), generator=generator)
    share = torch.where(torch.rand(len(x), generator=generator) < CLEAN, torch.ones(()), share)
    mixed = torch.lerp(x[other], x, share.view(-1, 1, 1, 1))
    log_p = reader(_disturbed(mixed, generator)).log_softmax(1)
    first, second = (log_p.gather(1, y.unsqueeze(1)).squeeze(1) for y in (labels, labels[other]))
    reader.requires_grad_(False)  # the draws are to become readable, not the reader to see more in them
    loss: Tensor = -(share * first + (1 - share) * second).mean()
    return loss


def readability(pupil: Pupil, n: int, generator: torch.Generator, read_as: Literal["gate", "any"] = "gate") -> Tensor:
    """How far what the reader sees in n draws from the prior is from what the gate decided for them, in nats; or how
    little it learns from them, −(H(y) − H(y|x)), which is least where it is sure of each and sees all classes alike."""
    chain = pupil.chain
    assert chain.gate is not None
    z = torch.randn(n, chain.sizes[-1], generator=generator)
    for t in range(len(chain.sizes), 1, -1):
        p = chain.decode(t, z)
        z = p.at(torch.randn(p.mean.shape, generator=generator))
    decided = chain.gate(z).softmax(1).detach()
    log_p = pupil.reader(_disturbed(chain.likelihood(z).mean, generator)).log_softmax(1)
    if read_as == "any":
        of_all = log_p.exp().mean(0)
        unsure: Tensor = (of_all * of_all.clamp(min=1e-8).log()).sum() - (log_p.exp() * log_p).sum(1).mean()
        return unsure
    loss: Tensor = -(decided * log_p).sum(1).mean()
    return loss


def _disturbed(x: Tensor, generator: torch.Generator) -> Tensor:
    """Moved a little and with some noise: what is read in it is then no matter of single pixels."""
    shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
    return x.roll(shift, dims=(2, 3)) + 0.1 * torch.randn(x.shape, generator=generator)


def train_chain(
    config: LatentTraining,
    card: dict[str, Any],
    out: Path,
    steps: int | None = None,
    progress: Callable[[str], None] = print,
) -> None:
    """Train, measure and write the folder `out`; steps overrides the recipe's number."""
    config = with_steps(config, steps)
    train_set, test_set = digits("train"), digits("test")
    torch.manual_seed(config.loop.seed)
    pupil = Pupil(config.network)
    pictures = pupil.chain.observed((train_set.tensor() + 1) / 2)
    labels = torch.from_numpy(train_set.labels)

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        done = step / config.loop.steps
        index = torch.randint(len(pictures), (config.batch_size,), generator=generator)
        x = pictures[index]
        loss = chain_loss(pupil, x, labels[index], config, min(done / config.annealed, 1.0), generator)
        if not config.readable:
            return loss
        if step < READS_AT_FIRST or step % READS_EVERY == 0:
            loss = loss + reading_loss(pupil.reader, x, labels[index], generator)
        weight = config.readable * min(max(done / config.annealed - 0.5, 0.0), 1.0) / x[0].numel()
        return loss + weight * readability(pupil, config.drawn, generator, config.read_as)

    out.mkdir(parents=True, exist_ok=True)
    average, report = train(pupil, loss_of, config.loop, out / "state.training.pt", progress)
    assert isinstance(average, Pupil)
    facts = {"kind": "image", "likelihood": "bernoulli", "class_names": list(train_set.class_names)}
    steepen(average.chain, config.steepness)
    write_network(out, "latent_chain", average.chain, facts, torch.float16)
    chain = average.chain.half().float()  # what is measured is what was written, rounding included
    quality = chain_quality(chain, progress=progress)
    samples = write_shown(out, _binary(test_set), SAMPLES, columns=25)
    write_card(out, {**card, "samples": samples, "recipe": recipe_entry(config, report), "quality": quality})


@torch.no_grad()
def steepen(chain: LatentNetwork, factor: float) -> None:
    """Multiply the gates' logits, in place: where z lies they decide the same, and more surely."""
    for gate in (chain.gate, chain.top_gate):
        if gate is not None:
            last = gate[-1]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(factor)
            last.bias.mul_(factor)


def _binary(pictures: PictureSet) -> PictureSet:
    """Every pixel black or white, as the chain sees them."""
    return replace(pictures, images=np.where(pictures.images > 127, np.uint8(255), np.uint8(0)))


@torch.no_grad()
def prior_pictures(chain: LatentChain, n: int, seed: int = 2026) -> Tensor:
    """The mean of p(x|z₁) of n draws down the chain, in [0, 1]."""
    noise = LevelNoise(seed, n, chain.sizes, torch.device("cpu"))
    L = len(chain.sizes)
    z = noise(L, Stream.INITIAL)
    for rung in descend(chain, L, z, noise):
        z = rung.z
    return chain.likelihood(z).mean


@torch.no_grad()
def chain_quality(chain: LatentChain, n: int = JUDGED, progress: Callable[[str], None] = print) -> dict[str, Any]:
    """How sure the digits classifier is of draws from the prior, and what it sees in them."""
    log_p = read_classifier(DIGITS_CLASSIFIER)(2 * prior_pictures(chain, n) - 1).log_softmax(1)
    sure, seen = log_p.max(1).values.exp(), log_p.argmax(1)
    quality = {
        f"share_of_prior_samples_with_confidence_at_least_{CONFIDENT}": round(
            float((sure >= CONFIDENT).float().mean()), 4
        ),
        "mean_confidence": round(float(sure.mean()), 4),
        "classes_seen": seen.bincount(minlength=10).tolist(),
        "prior_samples": n,
        "judge": DIGITS_CLASSIFIER.name,
    }
    progress(str(quality))
    return quality
