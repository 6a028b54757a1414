"""`elbo`: the variational bound and the likelihood."""

from __future__ import annotations

import argparse
import json

from explorer.cli.chain import IMPORTANCE, elbo_chain
from explorer.cli.usage import MODEL, device_argument, schedule_argument, schedule_of

SUMMARY = "how likely the model finds its samples: the variational bound, log p"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help=MODEL)
    parser.add_argument("--n", type=int, help="how many samples (16 pictures, or 500 points; of a VAE or an HVAE 100)")
    parser.add_argument("--t-samples", type=int, help="how many of the T − 1 terms (50 for pictures, all for points)")
    parser.add_argument("--label", type=int, help="the bound on log p(x₀ | y), on samples of that class")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise (0)")
    parser.add_argument(
        "--variance",
        choices=("beta_tilde", "beta"),
        default="beta_tilde",
        help="of p(x_{t−1} | x_t), not a learned one",
    )
    parser.add_argument("--ode", action="store_true", help="also log p by the probability-flow ODE")
    parser.add_argument(
        "--importance",
        type=int,
        default=IMPORTANCE,
        help=f"of a VAE: draws of the weighted bound ({IMPORTANCE})",
    )
    device_argument(parser)
    schedule_argument(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, with the terms as curves over t")


def run(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect

    facts = inspect(options.path)  # a bad path is answered at once, before torch is loaded
    if facts.family == "chain":
        return elbo_chain(options, facts)
    from explorer.engine.elbo import ElboRequest, measure
    from explorer.engine.elbo_report import as_table, as_values

    names = ("path", "device", "n", "t_samples", "seed", "variance", "ode", "label")
    choices = {name: getattr(options, name) for name in names}
    found = measure(ElboRequest(**choices, schedule=schedule_of(options.schedule)))
    print(json.dumps(as_values(found), indent=2, ensure_ascii=False) if options.json else as_table(found))
    return 0
