"""`.py`: a script that makes a run again with this package, bit for bit, and is there to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import torch

from explorer.diffusion.samplers.base import NORMAL
from explorer.engine.samplers import chosen_sampler
from explorer.engine.sharing.material import Material
from explorer.engine.trajectory import Segment, Trajectory
from explorer.lenses.base import numpy32
from explorer.lenses.drawable import Floats
from explorer.request import OWN_SCHEDULE, Guidance, Run

Arrays = dict[str, Floats]

HEAD = '''"""{title}, once more: the same numbers as in Diffusion Explorer, bit for bit.

    python {name}

It needs the package `explorer`: run it with the Python of Diffusion Explorer's .venv, or `pip install` its folder.
It prints what came out, and keeps x_0 in {stem}.npy.
"""

from itertools import islice
from pathlib import Path

import numpy as np
import torch

{imports}from explorer.diffusion.noise import NoiseSource, Stream
from explorer.diffusion.samplers import find
from explorer.formats.registry import load

# A sum is rounded as it is shared among threads: with as many of them the last bits agree, too.
torch.set_num_threads({threads})

# The model: its network as a denoiser (x_t, t) → x̂_0, ε̂, score, and the schedule x_t = a(t) x_0 + s(t) ε.
model = load({path!r}, {device!r}{overrides})
{rescheduled}schedule = model.denoiser.schedule

# Random numbers with an address: they depend on the seed, the sample's number and the step alone.
noise = NoiseSource({seed}, {count}, model.facts.shape, model.device{first})
{arrays}'''

FIRST_STAGE = """
# {what}
{choices}
{plan}
{x_T}
with torch.inference_mode():
    run = sampler.sample(denoiser, schedule, x_T, times, noise, parameters)
    steps = list(islice(run, {length}))
"""

NEXT_STAGE = """
# From step {start} (t = {t:g}) on: {what}
{choices}
x_t = {x_t}
with torch.inference_mode():
    run = sampler.sample(denoiser, schedule, x_t, times, noise, parameters, {history}, start={start})
    steps[{start}:] = islice(run, {length})
"""

TAIL = """
for step in steps:
    print(f"step {step.index:4d}   t = {step.t:7g}   r.m.s. of x_t {float(step.x.square().mean().sqrt()):.4f}")

x_0 = steps[-1].x.cpu().numpy()  # (samples, …), in the model's own range of values
print("x_0:", x_0.shape, "from", x_0.min(), "to", x_0.max())
np.save(Path(__file__).with_suffix(".npy"), x_0)
"""


def script(material: Material, name: str) -> tuple[str, Arrays]:
    """The text for a file `name`.py, and what it needs beside it in `name`.npz, {} for nothing."""
    run = material.run()
    first = run.segments[0].request
    arrays = _arrays(material, run)
    rescheduled = first.model.schedule.name != OWN_SCHEDULE
    text = HEAD.format(
        title=f"{harmless(material.model.facts.title)}, {_named(first)}",
        name=f"{name}.py",
        stem=name,
        imports=_guidance_imports(run) + _SCHEDULE_IMPORTS * rescheduled,
        rescheduled=f"model = rescheduled(model, {first.model.schedule!r})\n" if rescheduled else "",
        threads=torch.get_num_threads(),
        path=material.model.facts.path,
        device=str(material.model.device),
        overrides=f", {dict(first.model.overrides)!r}" if first.model.overrides else "",
        seed=first.seed,
        count=first.count,
        first=f", first={first.first}" if first.first else "",
        arrays=_ARRAYS_READ if arrays else "",
    )
    ends = [segment.start for segment in run.segments[1:]] + [run.made - 1]
    for number, (segment, end) in enumerate(zip(run.segments, ends, strict=True)):
        stage = _first_stage if number == 0 else _next_stage(run.segments[number - 1])
        text += stage(material, run, segment, end, arrays)
    return text + TAIL, arrays


_SCHEDULE_IMPORTS = """from explorer.engine.schedules import rescheduled
from explorer.request import ScheduleChoice
"""
_ARRAYS_READ = """
# x_t that was put in by hand, as it was.
edited = np.load(Path(__file__).with_suffix(".npz"))
"""

_Stage = Callable[[Material, Trajectory, Segment, int, Arrays], str]


def _first_stage(material: Material, run: Trajectory, segment: Segment, end: int, arrays: Arrays) -> str:
    request = segment.request
    sampler, parameters = chosen_sampler(request)
    schedule = material.model.denoiser.schedule
    if tuple(sampler.plan(schedule, request.steps, parameters)) == run.times:
        plan = f"times = sampler.plan(schedule, {request.steps}, parameters)  # from noise to data, t = 0 at the end"
    else:
        plan = f"times = {[_number(t) for t in run.times]}"
    x_T = "x_T = noise(0, Stream.INITIAL) * schedule.prior_std(times[0])"
    if getattr(parameters, "start", NORMAL) != NORMAL:
        x_T = f"x_T = sampler.begin(schedule, times[0], parameters, noise)  # {parameters.start} noise"
    if "x_0" in arrays:
        x_T = 'x_T = torch.from_numpy(edited["x_0"]).to(model.device)'
    length = "len(times)" if end == len(run.times) - 1 else str(end + 1)
    what = f"{_named(request)}{'' if len(run.segments) == 1 else f', up to step {end}'}."
    return FIRST_STAGE.format(what=what, choices=_choices(request), plan=plan, x_T=x_T, length=length)


def _next_stage(previous: Segment) -> _Stage:
    def stage(material: Material, run: Trajectory, segment: Segment, end: int, arrays: Arrays) -> str:
        start, request = segment.start, segment.request
        history = "()"
        if segment.continues:
            before_it = start if segment.memory is None else segment.memory
            history = f"steps[{max(0, start - before_it)}:{start + 1}]"
        edited = f"x_{start}" in arrays
        choices = _choices(request)
        if request.seed != previous.request.seed:
            choices += f"\nnoise = NoiseSource({request.seed}, {request.count}, model.facts.shape, model.device)"
        what = [f"{_named(request)}"] + (["another x_t"] if edited else [])
        return NEXT_STAGE.format(
            start=start,
            t=run.times[start],
            what=", ".join(what) + ".",
            choices=choices,
            x_t=f'torch.from_numpy(edited["x_{start}"]).to(model.device)' if edited else f"steps[{start}].x",
            history=history,
            length=end - start + 1,
        )

    return stage


def _arrays(material: Material, run: Trajectory) -> Arrays:
    """x_t at the steps where the user put another in its place. Such steps are never forgotten."""
    found = {}
    for segment in run.segments:
        if segment.request.edited is not None or (segment.start == 0 and segment.request.initial is not None):
            step = run.step(segment.start)
            assert step is not None
            found[f"x_{segment.start}"] = numpy32(step.x)
    return found


def _choices(request: Run) -> str:
    sampler, parameters = chosen_sampler(request)
    listed = ", ".join(f"{name}={value!r}" for name, value in asdict(parameters).items())
    return f"""sampler = find({request.sampler!r})  # {sampler.summary}
parameters = sampler.parameters({listed})
{_denoiser(request.guidance)}"""


def _denoiser(guidance: Guidance) -> str:
    if guidance.label is None:
        return "denoiser = model.denoiser  # without a label"
    interval = "" if guidance.interval is None else f", interval={guidance.interval!r}"
    labels = f"torch.tensor([{guidance.label}], device=model.device)"
    null = ""
    if guidance.prompt:
        labels = f"torch.tensor([model.prompts.number({guidance.prompt!r})], device=model.device)"
        null = f", null=model.prompts.number({guidance.negative_prompt!r})"
    values = f"the label y being {guidance.label}, γ = {guidance.scale:g}"
    if guidance.kind == "classifier":
        return f"""# score = ∇ log p(x_t) + γ ∇ log p(y | x_t), {values}
labels = {labels}
denoiser = ClassifierGuidance(model.denoiser, model.classifier(), labels, {guidance.scale!r}{interval})"""
    rescale = f", rescale={guidance.rescale!r}" if guidance.rescale else ""
    return f"""# ε̂ = ε̂(x_t) + γ (ε̂(x_t, y) − ε̂(x_t)), {values}
labels = {labels}
denoiser = ClassifierFreeGuidance(model.denoiser, labels, {guidance.scale!r}{interval}{rescale}{null})"""


def _guidance_imports(run: Trajectory) -> str:
    kinds = {segment.request.guidance.kind for segment in run.segments if segment.request.guidance.label is not None}
    names = {"classifier": "ClassifierGuidance", "classifier-free": "ClassifierFreeGuidance"}
    listed = ", ".join(sorted(names[kind] for kind in kinds))
    return f"from explorer.diffusion.guidance import {listed}\n" if listed else ""


def _named(request: Run) -> str:
    label = "" if request.guidance.label is None else f", label {request.guidance.label}"
    return f"{chosen_sampler(request)[0].label} with {request.steps} steps{label}"


def _number(t: float) -> float:
    return int(t) if t == int(t) else t


def harmless(text: str) -> str:
    """A title out of a file as part of a script's first text: it can neither end that text nor escape anything."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in '"\\')
