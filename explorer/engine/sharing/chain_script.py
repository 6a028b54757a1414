"""`.py` of a run down a latent chain: a script that makes it again with this package, bit for bit."""

from __future__ import annotations

import torch

from explorer.engine.chain_runs import ChainRun, ChainSegment, temperature_of
from explorer.engine.sharing.material import ChainMaterial
from explorer.engine.sharing.script import Arrays, harmless
from explorer.lenses.base import numpy32

HEAD = '''"""{title}, from z_{L} ~ N(0, I) down: the same numbers as in Diffusion Explorer, bit for bit.

    python {name}.py

It needs the package `explorer`: run it with the Python of Diffusion Explorer's .venv, or `pip install` its folder.
It prints what came out, and keeps the picture in {name}.npy.
"""

from pathlib import Path

import numpy as np
import torch

from explorer.diffusion.latent import LevelNoise, mean_decoding
from explorer.diffusion.noise import Stream
from explorer.formats.registry import load_any

# A sum is rounded as it is shared among threads: with as many of them the last bits agree, too.
torch.set_num_threads({threads})

# The model: a chain of latent variables x ← z_1 ← … ← z_L, p(z_(t−1) | z_t) a Gaussian, p(x | z_1).
model = load_any({path!r}, {device!r}{overrides})
chain = model.chain
{arrays}
z = {{}}  # by level, each (samples, numbers)
with torch.inference_mode():
'''
ARRAYS_READ = """
# z_t that was put in by hand, as it was.
edited = np.load(Path(__file__).with_suffix(".npz"))
"""
TAIL = """
    # {what}
    x = {x}

for t, z_t in z.items():
    print(f"level {{t}}   r.m.s. of z_{{t}} {{float(z_t.square().mean().sqrt()):.4f}}")

x_0 = x.cpu().numpy()  # (samples, …), in the model's own range of values
print("x_0:", x_0.shape, "from", x_0.min(), "to", x_0.max())
np.save(Path(__file__).with_suffix(".npy"), x_0)
"""


def script(material: ChainMaterial, name: str) -> tuple[str, Arrays]:
    """The text for a file `name`.py, and what it needs beside it in `name`.npz, {} for nothing."""
    run, facts = material.run(), material.model.facts
    arrays = {_name(run, s): numpy32(run.steps[s.start].z) for s in run.segments if s.given}
    overrides = run.request.model.overrides
    text = HEAD.format(
        title=harmless(facts.title),
        L=run.L,
        name=name,
        threads=torch.get_num_threads(),
        path=facts.path,
        device=str(material.model.device),
        overrides=f", {dict(overrides)!r}" if overrides else "",
        arrays=ARRAYS_READ if arrays else "",
    )
    ends = [segment.start for segment in run.segments[1:]] + [run.made - 1]
    for segment, end in zip(run.segments, ends, strict=True):
        if segment.start < run.L:  # where a run is over there is nothing left to draw
            text += _stage(run, segment, end)
    last = run.steps[-1]
    if last.t == 0:
        return text + TAIL.format(what="The mean of p(x | z_1).", x="chain.likelihood(z[1]).mean"), arrays
    what = f"The run ends at level {last.t}: the mean picture that z_{last.t} leads to."
    return text + TAIL.format(what=what, x=f"mean_decoding(chain, {last.t}, z[{last.t}])"), arrays


def _name(run: ChainRun, segment: ChainSegment) -> str:
    return f"z_{run.L - segment.start}"


def _stage(run: ChainRun, segment: ChainSegment, end: int) -> str:
    """What one request made: from its first level down to that of step `end`."""
    request, top = segment.request, run.L - segment.start
    tau = temperature_of(request)
    first = f", first={request.first}" if request.first else ""
    noise = f"noise = LevelNoise({request.seed}, {request.count}, chain.sizes, model.device{first})"
    lines = [f"# From level {top} on: seed {request.seed}, temperature τ = {tau:g}.", noise, f"tau = {tau!r}"]
    if segment.given:
        lines.append(f'z[{top}] = torch.from_numpy(edited["{_name(run, segment)}"]).to(model.device)')
    elif segment.start == 0:
        lines.append(f"z[{top}] = tau * noise({top}, Stream.INITIAL)")
    lowest = max(run.L - end, 1)
    if lowest < top:
        levels = ", ".join(str(t) for t in range(top - 1, lowest - 1, -1)) + ("," if lowest == top - 1 else "")
        lines += [
            f"for t in ({levels}):",
            "    p = chain.decode(t + 1, z[t + 1])",
            "    z[t] = p.at(tau * noise(t, Stream.SAMPLER))",
        ]
    return "".join(f"    {line}\n" for line in lines)
