"""Latent chains: Look, Film and Run of a VAE or an HVAE become Frames. The time t counts levels, 0 (data) … L.

Forward climbs from a picture, z_t ~ q(z_t | z_{t−1}); a run goes down from z_L ~ N(0, I), a level a step, and ends
with the mean of p(x | z₁). All noise has an address, so levels can be drawn anew one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from explorer.datasets.picture_file import read_picture
from explorer.diffusion.latent import Diagonal, LevelNoise, climb, latent_terms, mean_decoding
from explorer.diffusion.latent.chain import Rung
from explorer.diffusion.noise import Stream
from explorer.engine.chain_runs import ChainRun, ChainRuns, ChainStep, check_sampler, temperature_of
from explorer.engine.device import check_memory
from explorer.engine.frame import FilmStrip, Frame, Seen
from explorer.engine.latent_bound import latent_bound
from explorer.facts import ModelError, subscript
from explorer.formats.model import LatentModel
from explorer.lenses.base import numpy32
from explorer.lenses.difference import difference
from explorer.lenses.drawable import Drawable, Floats
from explorer.lenses.latent.base import LatentView, Plane, make_plane
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.request import (
    ByHand,
    Film,
    Forward,
    LatentBound,
    Look,
    Prepare,
    Replay,
    Request,
    Run,
    ScheduleChoice,
)


@dataclass(eq=False)
class Chains:
    """Answers about one latent chain at a time, with its runs and the maps of its levels."""

    runs: ChainRuns = field(default_factory=ChainRuns)
    _planes: dict[int, Plane] = field(default_factory=dict)

    @torch.inference_mode()
    def answer(self, model: LatentModel, request: Request) -> Iterator[Frame]:
        """Raises ModelError for what there is not of a latent chain."""
        if getattr(getattr(request, "model", None), "schedule", None) not in (None, ScheduleChoice()):
            raise ModelError(f"{model.facts.title} is a chain of latent variables and has no noise schedule.")
        if isinstance(request, Look):
            yield self._look(model, request)
        elif isinstance(request, Film):
            yield self._film(model, request)
        elif isinstance(request, Run):
            yield from self._run(model, request)
        elif isinstance(request, LatentBound):
            yield from latent_bound(model, request)
        elif not isinstance(request, Prepare):
            raise ModelError(
                f"{model.facts.title} is a chain of latent variables: it has no noise schedule, no score and no ODE to "
                "ask for this."
            )

    # Looking

    def _look(self, model: LatentModel, request: Look) -> Seen:
        if isinstance(request.source, Replay):
            run = self.runs.get(request.source.run)
            return self._seen_step(model, run, run.step(request.source.step), request, replayed=True)
        source, t = request.source, request.t
        check_memory(64 * source.count * sum(model.facts.levels))
        x = self._pictures(model, source)
        noise = _noise(model, source.noise_seed, len(x))
        rungs = climb(model.chain, x, noise)
        level = max(t, 1)
        z = self._by_hand(model, level, rungs[level - 1].z, request.by_hand)
        known = {rung.t: rung.z for rung in rungs} | {level: z}
        view = self._view(model, t, z, rungs[level - 1], True, x, known, noise, request)
        return Seen(t, _drawn(view, request.lenses), 1.0, 0.0, words=self._words(view))

    def _film(self, model: LatentModel, request: Film) -> FilmStrip:
        x = self._pictures(model, replace(request.source, count=1))
        rungs = climb(model.chain, x, _noise(model, request.source.noise_seed, 1))
        strip = [x, *(mean_decoding(model.chain, rung.t, rung.z) for rung in rungs)]
        times = tuple(dict.fromkeys(request.times))
        return FilmStrip(times, tuple(numpy32(strip[t][0]) for t in times))

    def _pictures(self, model: LatentModel, source: Forward) -> Tensor:
        if source.picture is not None:
            x = torch.from_numpy(read_picture(source.picture, model.facts.shape, model.facts.value_range)[None])
        elif not len(model.samples):
            raise ModelError("This model comes without samples: open or drop a picture to look at it.")
        else:
            indices = np.arange(source.first, source.first + source.count) % len(model.samples)
            x = torch.from_numpy(model.samples[indices])
        return model.chain.observed(x.to(model.device))

    # Running

    def _run(self, model: LatentModel, request: Run) -> Iterator[Seen]:
        check_sampler(request)
        L, chain = model.facts.T, model.chain
        temperature = temperature_of(request)
        noise = LevelNoise(request.seed, request.count, model.facts.levels, model.device, request.first)
        check_memory(64 * (request.first + request.count) * sum(model.facts.levels))
        first = self._beginning(model, request, noise, temperature)
        run = self.runs.begun(request, first, L)
        if request.wanted is not None:
            self.runs.forget_all_but({*request.wanted, request.run})
        self.runs.keep(request.run, run)
        step = first
        while True:
            run.record(step)
            yield self._seen_step(model, run, step, request)
            if step.t == 0 or (request.until is not None and step.index >= request.until):
                return
            t = step.t - 1
            if t == 0:
                x = chain.likelihood(step.z).mean
                step = ChainStep(step.index + 1, 0, step.z, step.distribution, x)
            else:
                p = chain.decode(t + 1, step.z)
                z = p.at(temperature * noise(t, Stream.SAMPLER))
                step = ChainStep(step.index + 1, t, z, p)
            _check(step)

    def _beginning(self, model: LatentModel, request: Run, noise: LevelNoise, temperature: float) -> ChainStep:
        """z_L, or the step of an earlier run that this one goes on from, as it was or as the user set it."""
        L = model.facts.T
        earlier = self.runs.beginning(request)
        if earlier is not None:
            if earlier.t == 0 or not isinstance(request.edited, ByHand | np.ndarray):
                return earlier
            z = earlier.z
            if isinstance(request.edited, np.ndarray):
                z = _given(request.edited, tuple(z.shape), model)
            else:
                z = self._by_hand(model, earlier.t, z, request.edited)
            return replace(earlier, z=z)
        prior = noise(L, Stream.INITIAL)
        z = temperature * prior
        if request.initial is not None:
            z = _given(request.initial, tuple(z.shape), model)
        return ChainStep(0, L, z, Diagonal.standard(z))

    def _seen_step(
        self, model: LatentModel, run: ChainRun, step: ChainStep, request: Look | Run, replayed: bool = False
    ) -> Seen:
        view = self._view_of(model, run, step, request)
        tiles = _drawn(view, request.lenses)
        seen = Seen(
            step.t,
            tiles,
            1.0,
            0.0,
            run=run.request.run,
            step=step.index,
            times=run.times,
            finished=step.t == 0,
            replayed=replayed,
            thumbnail=numpy32(view.decoding[0]),
            words=self._words(view),
        )
        other = request.against
        if other is None or other not in self.runs or other == seen.run:
            return seen
        b = self.runs.get(other)
        index = min(step.index, b.made - 1)
        theirs = _drawn(self._view_of(model, b, b.step(index), request), request.lenses)
        beside: dict[str, Drawable] = {f"{name}:b": drawable for name, drawable in theirs.items()}
        apart = {f"{name}:difference": difference(tiles[name], drawable) for name, drawable in theirs.items()}
        return replace(seen, tiles={**tiles, **beside, **apart}, against=(other, index, b.step(index).t))

    def _view_of(self, model: LatentModel, run: ChainRun, step: ChainStep, request: Look | Run) -> LatentView:
        by_hand = request.by_hand if isinstance(request, Look) and step.t > 0 else ByHand()
        level = max(step.t, 1)
        z = self._by_hand(model, level, step.z, by_hand)
        rung = Rung(level, z, step.distribution)
        known = {held.t: held.z for held in run.steps[: step.index] if held.t > 0} | {level: z}
        x = step.x if step.x is not None else mean_decoding(model.chain, level, z)
        noise = _noise(model, run.request.seed, len(z))
        return self._view(model, step.t, z, rung, False, x, known, noise, request, by_hand)

    # What both share

    def _view(
        self,
        model: LatentModel,
        t: int,
        z: Tensor,
        rung: Rung,
        upward: bool,
        x: Tensor,
        known: Mapping[int, Tensor],
        noise: LevelNoise,
        request: Look | Run,
        by_hand: ByHand | None = None,
    ) -> LatentView:
        partner = request.partner if isinstance(request, Look) else 0
        data = torch.from_numpy(model.samples).to(model.device)
        hand = by_hand if by_hand is not None else request.by_hand if isinstance(request, Look) else ByHand()
        return LatentView(
            model.facts,
            model.chain,
            t,
            z,
            rung.distribution,
            upward,
            x,
            known,
            data,
            model.facts.sample_labels,
            model.class_names,
            lambda level: self._plane(model, level),
            noise,
            data[partner % len(data)][None] if len(data) else None,
            partner,
            bool(hand),
        )

    def _plane(self, model: LatentModel, t: int) -> Plane:
        if t not in self._planes:
            data = torch.from_numpy(model.samples).to(model.device)
            self._planes[t] = make_plane(model.chain, data, t)
        return self._planes[t]

    def _by_hand(self, model: LatentModel, t: int, z: Tensor, hand: ByHand) -> Tensor:
        if hand.place is not None:
            z = self._plane(model, t).moved(z, hand.place)
        values = [(number, value) for number, value in hand.values if number < z.shape[1]]
        if values:
            z = z.clone()
            for number, value in values:
                z[:, number] = value
        return z

    def _words(self, view: LatentView) -> str:
        """What stands beside the time."""
        L = view.facts.T
        place = "data x" if view.t == 0 else f"level {view.t} of {L}"
        if not view.upward:
            return f"{place}    generated down from z{subscript(L)} ~ N(0, I)"
        terms = latent_terms(view.chain, view.x, view.noise)
        reconstruction, levels = float(terms.reconstruction.mean()), terms.levels.mean((1, 2))
        if L == 1:
            parts = [f"KL = {levels[0]:.1f}"]
        else:
            # A KL divergence at the top alone; below it K_t is the mean of log q − log p, which may be below 0.
            names = [*(f"log q/p(z{subscript(t)})" for t in range(1, L)), f"KL(z{subscript(L)})"]
            parts = [f"{name} = {value:.1f}" for name, value in zip(names, levels, strict=True)]
        text = f"{place}    log p(x|z₁) = {reconstruction:.1f}    {'    '.join(parts)} nats"
        return text.replace("-", "−")


def _drawn(view: LatentView, names: Sequence[str]) -> dict[str, Drawable]:
    """The tiles by name. Raises ModelError for a name there is no lens of; those of other models are left out."""
    from explorer.lenses.registry import LENSES

    if unknown := [name for name in names if name not in LATENT_LENSES and name not in LENSES]:
        raise ModelError(f"There is no lens called “{unknown[0]}”; known are {', '.join(LATENT_LENSES)}.")
    return {name: LATENT_LENSES[name].draw(view) for name in names if name in LATENT_LENSES}


def _noise(model: LatentModel, seed: int, n: int) -> LevelNoise:
    return LevelNoise(seed, n, model.facts.levels, model.device)


def _given(values: Floats, shape: tuple[int, ...], model: LatentModel) -> Tensor:
    if values.shape != shape:
        raise ModelError(f"z must have the shape {shape} here, not {values.shape}.")
    return torch.from_numpy(np.array(values, np.float32)).to(model.device)


def _check(step: ChainStep) -> None:
    if not bool(torch.isfinite(step.z).all()):
        raise ModelError(f"The network returned values that are not finite at level {step.t}.")
