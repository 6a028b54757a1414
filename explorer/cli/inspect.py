"""`inspect`: what a file is, without reading its weights; and what the user knows better."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from explorer.cli.session import is_session, session_text
from explorer.cli.usage import MODEL

SUMMARY = "what a model is, each fact and where it came from; what a session holds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help=f"{MODEL}, or a .dxsession file")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="keep a fact in the model's card, such as prediction=v, value_range=0,1, time_offset=-1 or "
        "schedule=linear:beta_end=0.02; KEY= is the model's own word again",
    )


def run(options: argparse.Namespace) -> int:
    if is_session(options.path):
        print(session_text(options.path, options.json))
        return 0
    from explorer.formats.plain_text import plain_text
    from explorer.formats.registry import inspect, set_facts
    from explorer.formats.setting_text import read_setting

    if options.set:
        saved = set_facts(options.path, dict(read_setting(text) for text in options.set))
        print(f"saved to {saved}", file=sys.stderr)
    facts = inspect(options.path)
    if options.json:
        print(json.dumps(asdict(facts), indent=2, ensure_ascii=False))
        return 0
    print(f"{facts.title}  —  {facts.format}\n{plain_text(facts.path)}\n")
    width = max((len(fact.name) for fact in facts.evidence), default=0)
    values = max((min(len(fact.value), 60) for fact in facts.evidence), default=0)
    for fact in facts.evidence:
        where = f"{fact.source}: {fact.where}" if fact.where else fact.source
        if fact.instead:
            where += f", instead of {fact.instead}"
        print(f"{fact.name:<{width}}  {fact.value:<{values}}  {where}")
    for warning in facts.warnings:
        print(f"warning: {warning}")
    return 0
