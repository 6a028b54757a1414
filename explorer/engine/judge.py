"""How good the samples at the end of a run are, in one number.

Pictures are read by the classifier that fits the model; points are compared with fresh ones of the exact distribution
by the energy distance (Székely & Rizzo 2013). Where there is neither, a run is compared with the one of the grid that
asked the network most often the same question, from the same x_T.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from explorer.diffusion.mixture import GaussianMixture
from explorer.diffusion.noise import NoiseSource, Stream
from explorer.engine.grid_frame import GridCell, Measure
from explorer.formats.model import Model
from explorer.request import Guidance, Run

EXACT_POINTS = 2_000
EXACT_SEED = 2026
"""Of no data set, so the points are fresh ones."""
MOST_DRAWN = 200_000
"""Points to look for a rare piece in."""

DIFFERENCE = Measure(
    "r.m.s. difference",
    "Root-mean-square difference, over all numbers of the samples, from the cell that took the most network calls with "
    "the same seed, label and guidance, in units of x. Lower is closer to that cell; samplers that add noise of their "
    "own end elsewhere without being worse.",
    higher_is_better=False,
)


@dataclass(frozen=True)
class Verdict:
    """quality: by `measure`."""

    quality: float
    measure: Measure


class Judge:
    """Judges runs of one model, each by itself; None where it knows nothing to judge them by."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._exact: dict[int | None, tuple[Tensor, float] | None] = {}

    def __call__(self, x: Tensor, guidance: Guidance) -> Verdict | None:
        """x: (n, …), the last x of a run with that guidance."""
        if x.is_meta:
            return None
        if self._model.truth is not None and not self._model.facts.on_grid:
            return self._by_truth(self._model.truth, x, guidance)
        if self._model.classifier is not None and self._model.facts.kind == "image":
            return self._by_classifier(x, guidance)
        return None

    def _by_classifier(self, x: Tensor, guidance: Guidance) -> Verdict:
        assert self._model.classifier is not None
        assert self._model.facts.classifier is not None
        title = self._model.facts.classifier.title
        log_p = self._model.classifier()(x, 0.0)
        if guidance.label is None:
            confidence = float(log_p.max(dim=1).values.exp().mean())
            words = f"How sure {title} is, on average, of the class it sees in a picture. Higher is better."
            return Verdict(confidence, Measure("confidence", words, True, "%"))
        share = float((log_p.argmax(dim=1) == guidance.label).float().mean())
        words = f"Share of the {len(x)} pictures that {title} reads as their label. Higher is better."
        if guidance.kind == "classifier":
            words += " It has also guided them, so it is a partial judge."
        return Verdict(share, Measure("read as label", words, True, "%"))

    def _by_truth(self, truth: GaussianMixture, x: Tensor, guidance: Guidance) -> Verdict | None:
        label = guidance.label if len(self._model.facts.labels(guidance.kind)) == len(truth.piece_weights) else None
        if label not in self._exact:
            exact = exact_points(truth, label)
            self._exact[label] = None if exact is None else (exact, mean_distance(exact, exact))
        known = self._exact[label]
        if known is None:
            return None
        exact, spread = known
        floor = spread * (1 / len(x) + 1 / len(exact))
        whose = "the exact distribution" if label is None else "the exact distribution of the label"
        words = (
            f"Energy distance 2 E|X − Y| − E|X − X′| − E|Y − Y′| between the {len(x):,} points and {len(exact):,} "
            f"fresh ones of {whose}. Lower is better; exact points themselves would have about {floor:.2g}."
        )
        points = x.to("cpu", torch.float64)
        return Verdict(energy_distance(points, exact, spread), Measure("energy distance", words, False))


def exact_points(truth: GaussianMixture, piece: int | None, n: int = EXACT_POINTS) -> Tensor | None:
    """At most n points of the distribution, float64 (n, d) on the CPU, or of one piece; None where it is too rare."""
    truth = truth.to("cpu")
    weight = 1.0 if piece is None else float(truth.piece_weights[piece])
    drawn = min(int(n / max(weight, 1e-9)) + 1, MOST_DRAWN)
    d = truth.means.shape[1]
    noise = NoiseSource(EXACT_SEED, drawn, (d + 1,), torch.device("cpu"))(0, Stream.DATA)
    uniform = torch.special.ndtr(noise[:, d].double())
    points = truth.draw(noise[:, :d], uniform).double()
    if piece is not None:
        points = points[truth.components(uniform) == piece]
    return points[:n] if len(points) >= min(n, 100) else None


def energy_distance(x: Tensor, y: Tensor, spread_y: float | None = None) -> float:
    """2 E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ over all pairs of x (n, d) and y (m, d): never negative, and 0 for the same
    points alone. spread_y: the last term, where it is known."""
    last = mean_distance(y, y) if spread_y is None else spread_y
    return max(2 * mean_distance(x, y) - mean_distance(x, x) - last, 0.0)


def mean_distance(x: Tensor, y: Tensor) -> float:
    """E‖X − Y‖ over all pairs of x (n, d) and y (m, d), in pieces that memory can hold."""
    # Exact distances: a matrix product would lose those between near points in rounding.
    mode = "donot_use_mm_for_euclid_dist"
    parts = (x[first : first + 1_000] for first in range(0, len(x), 1_000))
    return math.fsum(float(torch.cdist(part, y, compute_mode=mode).sum()) for part in parts) / (len(x) * len(y))


def compared(cells: Mapping[tuple[int, int], tuple[Run, GridCell]]) -> dict[tuple[int, int], GridCell]:
    """The cells (row, column) with their difference from the one of most network calls among those that ask the same.

    A cell that nothing else can be compared with has no quality. Of equal ones the first is the reference.
    """
    groups: dict[tuple[int, Guidance], list[tuple[int, int]]] = {}
    for place, (run, cell) in cells.items():
        if cell.x is not None:
            groups.setdefault((run.seed, run.guidance), []).append(place)
    found = {}
    for places in groups.values():
        best = min(places, key=lambda place: (-cells[place][1].network_calls, place))
        x_best = cells[best][1].x
        assert x_best is not None
        for place in places:
            cell = cells[place][1]
            assert cell.x is not None
            alone = len(places) == 1
            difference = None if alone else float(np.sqrt(np.mean((cell.x.astype(np.float64) - x_best) ** 2)))
            found[place] = replace(cell, quality=difference, measure=DIFFERENCE, reference=place == best and not alone)
    return found
