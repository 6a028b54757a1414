"""What `sample` and `elbo` do with a chain of latent variables: a VAE or an HVAE."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.cli.usage import UsageError, last, parameter_of, save_npz, save_pictures, schedule_of, state_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from explorer.engine.likelihood_frame import LatentBounded, Value
    from explorer.facts import ModelFacts
    from explorer.request import Run

SAMPLER = "ancestral"
SAMPLES, IMPORTANCE = 100, 64
FRAME_MS = 700


def sample_chain(options: argparse.Namespace, facts: ModelFacts, out: Path, initial: NDArray[np.float32] | None) -> int:
    """Draw z_L ~ N(0, I), go down level by level, and write the means of p(x|z₁).

    With --trajectory a .npz also has z_1 … z_L and x_hat, the mean picture that each level leads to, from z_L down.
    Raises UsageError for a sampler of diffusion models.
    """
    import numpy as np

    from explorer.engine.engine import Engine
    from explorer.engine.frame import Seen
    from explorer.lenses.base import numpy32
    from explorer.lenses.drawable import Image
    from explorer.lenses.picture import picture

    if options.sampler not in (None, SAMPLER):
        raise UsageError(
            f"the sampler “{options.sampler}” is for diffusion models: {facts.title} is a chain of latent variables, "
            f"sampled level by level, which is --sampler {SAMPLER}"
        )
    if options.steps not in (None, facts.T):
        raise UsageError(f"this chain has {facts.T} level{'s' * (facts.T > 1)}, and takes as many steps")
    engine = Engine()
    run = _run(options, facts, initial)
    shown = [frame.tiles["decoded"].data for frame in engine.answer(run) if isinstance(frame, Seen)]
    if out.suffix.lower() == ".npz":
        arrays = {"x": shown[-1]}
        if options.trajectory:
            steps = engine.chains.runs.get(1).steps
            arrays |= {f"z_{step.t}": numpy32(step.z) for step in steps if step.t}
            arrays["x_hat"] = np.stack(shown[:-1])
        save_npz(out, arrays)
    else:
        # The mean picture that each level leads to.
        save_pictures(out, [picture(Image(x, "data", facts.value_range)) for x in shown], FRAME_MS)
    return 0


def _run(options: argparse.Namespace, facts: ModelFacts, initial: NDArray[np.float32] | None) -> Run:
    from explorer.engine.chain_runs import ANCESTRAL
    from explorer.state import resolve_run

    state = state_of(
        options,
        count=len(initial) if initial is not None else options.n,
        sampler=SAMPLER,
        steps=facts.T,
        sampler_seed=options.seed,
        parameters=dict(parameter_of(text, ANCESTRAL.parameters) for text in options.param),
        schedule=schedule_of(options.schedule),
        lenses=("decoded",),
    )
    return replace(resolve_run(state, facts, run=1), initial=initial, first=options.first)


def elbo_chain(options: argparse.Namespace, facts: ModelFacts) -> int:
    """Print the ELBO and, beside it, the importance-weighted bound."""
    given = {"--ode": options.ode, "--t-samples": options.t_samples is not None, "--label": options.label is not None}
    given["--schedule"] = options.schedule != "own"
    for name, there in given.items():
        if there:
            raise UsageError(f"{name} is for diffusion models: {facts.title} is a chain of latent variables")
    from explorer.engine.device import set_threads
    from explorer.engine.engine import Engine
    from explorer.engine.likelihood_frame import LatentBounded
    from explorer.request import LatentBound, ModelRef

    set_threads()
    n = options.n if options.n is not None else min(SAMPLES, max(facts.sample_count, 1))
    request = LatentBound(ModelRef(options.path, options.device), n, options.importance, seed=options.seed)
    found = last(Engine().answer(request), LatentBounded)
    values = as_values(found, facts, options.seed)
    print(json.dumps(values, indent=2, ensure_ascii=False) if options.json else as_table(found, facts))
    return 0


def as_values(found: LatentBounded, facts: ModelFacts, seed: int) -> dict[str, Any]:
    """Numbers, texts and lists. All in nats per sample but bits_per_dimension."""

    def told(value: Value) -> dict[str, float | None]:
        error = value.error if math.isfinite(value.error) else None
        bits = -value.mean / (found.dimensions * math.log(2))
        return {"mean": value.mean, "standard_error": error, "bits_per_dimension": bits}

    return {
        "title": facts.title,
        "path": facts.path,
        "samples": found.samples,
        "seed": seed,
        "levels": list(facts.levels),
        "dimensions": found.dimensions,
        "data": "black and white pixels",
        "likelihood": "bernoulli",
        "draws": found.draws,
        "reconstruction": told(found.reconstruction),
        "level_terms": [told(level) for level in found.levels],
        "elbo": told(found.elbo),
        "importance_draws": found.importance,
        "importance_weighted": told(found.weighted),
        "gap": told(found.gap),
    }


def as_table(found: LatentBounded, facts: ModelFacts) -> str:
    """A line for each term, without a newline at the end."""

    def text(value: Value, sign: float = 1.0) -> str:
        return f"{sign * value.mean:>12.3f} ± {value.error:.3f}".replace("-", "−")

    names = [*(f"− K_{t}" for t in range(1, facts.T)), f"− KL, z_{facts.T} to N(0, I)"]
    rows = [("E log p(x|z_1)", text(found.reconstruction))]
    rows += [(name, text(level, -1.0)) for name, level in zip(names, found.levels, strict=True)]
    rows += [
        ("= ELBO", text(found.elbo)),
        (f"weighted, {found.importance} draws", text(found.weighted)),
        ("weighted less ELBO", text(found.gap)),
    ]
    bits = -found.elbo.mean / (found.dimensions * math.log(2))
    head = f"{facts.title}: {found.samples} samples, {found.draws} draws of z each"
    lines = [head, "p(x|z_1) is Bernoulli: black and white pixels", "", "nats per sample"]
    lines += [f"{name:<24}{value}" for name, value in rows]
    return "\n".join([*lines, f"{'bits per dimension':<24}{bits:>12.4f}"])
