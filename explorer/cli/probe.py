"""`probe`: does the network behave as its files say?"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from explorer.cli.usage import MODEL, device_argument, last

SUMMARY = "which conventions the network itself follows, and where its files say otherwise"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help=MODEL)
    parser.add_argument("--image", help="a picture, or a folder of them, in place of the model's samples")
    parser.add_argument("--seed", type=int, default=0, help="which samples, and which noise (0)")
    device_argument(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from explorer.engine.engine import Engine
    from explorer.engine.probe_frame import Probed
    from explorer.request import ModelRef, Probe

    request = Probe(ModelRef(options.path, options.device), options.image, options.seed)
    found = last(Engine().answer(request), Probed)
    if options.json:
        print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return 0
    print(f"{found.sentence}\n")
    print(f"{'prediction':<11} {'value range':<12} {'schedule':<24} {'time':<12} {'residual':>8}")
    for row in found.rows:
        mark = " ← best" if row.best else ""
        mark += " (in force)" if row.in_force else ""
        print(f"{row.prediction:<11} {row.value_range:<12} {row.schedule:<24} {row.time:<12} {row.residual:8.3f}{mark}")
    print(f"\nresidual: error of x̂₀ over that of the best linear guess; from {found.pictures}, {found.calls} calls\n")
    for choice in found.choices:
        mark = " ← best" if choice.best else f" {choice.behind:+.4f} ± {choice.error:.4f} in log error"
        print(f"{choice.key:<12} {choice.text:<8}{mark}{' (in force)' if choice.in_force else ''}")
    if found.choices:
        print()
    for verdict in found.verdicts:
        sigma = f" ({verdict.sigma:.0f} standard errors)" if verdict.sigma > 0 else ""
        print(f"{verdict.certainty}: {verdict.sentence}{sigma}")
    if found.note:
        print(f"\n{found.note}")
    return 0
