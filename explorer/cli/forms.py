"""`forms`: x̂₀, ε̂, score, v̂ and û from one another at a time, and their errors over t; the bound in continuous time."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from explorer.cli.usage import MODEL, UsageError, device_argument, last

if TYPE_CHECKING:
    from explorer.engine.forms_frame import ContinuousBound, FormCurves, FormsShown

SUMMARY = "x̂₀, ε̂, score and v̂ from one another, and the errors of each over t"
NAMES = {"x0": "x̂₀", "eps": "ε̂", "score": "ŝ", "v": "v̂", "u": "û"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="+", help=f"{MODEL}, or several to compare")
    parser.add_argument("--t", type=int, help="the time whose formulas are written with their numbers (0.4 T)")
    parser.add_argument("--n", type=int, default=50, help="how many of the model's samples the errors are of (50)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (0)")
    parser.add_argument("--bound", action="store_true", help="also the bound in continuous time, of pictures")
    device_argument(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect

    if options.n < 1:
        raise UsageError("--n must be at least 1")
    every = [inspect(path) for path in options.path]  # a bad path is answered at once, before torch is loaded
    for facts in every:
        if options.t is not None and not 0 <= options.t <= facts.T:
            raise UsageError(f"--t lies between 0 and {facts.T}, not at {options.t}")
        if facts.sample_count == 0:
            raise UsageError(f"{facts.title} comes without samples to measure on")
    from explorer.engine.engine import Engine
    from explorer.engine.forms_frame import ContinuousBound, FormsMeasured, FormsShown
    from explorer.request import Forms, Forward, Guidance, Look, MeasureContinuous, MeasureForms, ModelRef

    engine, found = Engine(), []
    for path, facts in zip(options.path, every, strict=True):
        ref = ModelRef(path, options.device)
        t = round(0.4 * facts.T) if options.t is None else options.t
        look = Look(ref, Forward(noise_seed=options.seed), t, Guidance(), ())
        shown = last(engine.answer(Forms(look)), FormsShown)
        curves = last(engine.answer(MeasureForms(ref, options.n, options.seed)), FormsMeasured).curves
        bound = None
        if options.bound:
            bound = last(engine.answer(MeasureContinuous(ref, options.n, options.seed)), ContinuousBound)
        found.append(_values(path, shown, curves, bound))
    print(json.dumps(found, indent=2, ensure_ascii=False) if options.json else "\n\n".join(map(_text, found)))
    return 0


def _values(path: str, shown: FormsShown, curves: FormCurves, bound: ContinuousBound | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "path": path,
        "title": curves.title,
        "t": shown.t,
        "a": shown.a,
        "s": shown.s,
        "output": shown.output,
        "conversions": [vars(row) for row in shown.conversions],
        "errors": {"t": curves.t.tolist(), **{kind: e.tolist() for kind, e in curves.errors.items()}},
        "samples": curves.samples,
    }
    if bound is not None:
        values["bits_per_dimension"] = {
            "prior": bound.prior[0],
            "reconstruction": bound.reconstruction[0],
            "diffusion": bound.diffusion[0],
            "total": bound.total,
        }
        values["variance_of_one_loss_in_bits"] = {loss.name: loss.variance for loss in bound.losses}
    return values


def _text(values: dict[str, Any]) -> str:
    lines = [f"{values['title']}: t = {values['t']:g}, a = {values['a']:.5g}, s = {values['s']:.5g}", ""]
    for row in values["conversions"]:
        numbers = f"{row['x_t_factor']:+.5g} x_t {row['source_factor']:+.5g} {NAMES[row['source']]}"
        lines.append(f"{NAMES[row['target']]:<3} = {row['formula']:<36} = {numbers:<34} |Δ| ≤ {row['difference']:.0e}")
    errors = values["errors"]
    kinds = [kind for kind in NAMES if kind in errors]
    lines += [
        "",
        f"r.m.s. errors on {values['samples']} samples",
        f"{'t':>6}" + "".join(f"{NAMES[k]:>12}" for k in kinds),
    ]
    lines += [f"{t:6g}" + "".join(f"{errors[k][i]:12.4g}" for k in kinds) for i, t in enumerate(errors["t"])]
    if "bits_per_dimension" in values:
        lines += ["", *(f"{name:<16}{value:10.4f} bits/dim" for name, value in values["bits_per_dimension"].items())]
        variances = values["variance_of_one_loss_in_bits"].items()
        lines += ["variance of one draw of the loss, bits²", *(f"{name:<16}{value:10.4g}" for name, value in variances)]
    return "\n".join(lines)
