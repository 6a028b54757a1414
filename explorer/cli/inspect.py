"""`inspect`: what a file is, without reading its weights."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

SUMMARY = "what a model is, each fact and where it came from"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", help="a model's folder")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from explorer.formats.registry import inspect

    facts = inspect(options.path)
    if options.json:
        print(json.dumps(asdict(facts), indent=2, ensure_ascii=False))
        return 0
    print(f"{facts.title}  —  {facts.format}\n{facts.path}\n")
    width = max((len(fact.name) for fact in facts.evidence), default=0)
    values = max((min(len(fact.value), 60) for fact in facts.evidence), default=0)
    for fact in facts.evidence:
        where = f"{fact.source}: {fact.where}" if fact.where else fact.source
        print(f"{fact.name:<{width}}  {fact.value:<{values}}  {where}")
    for warning in facts.warnings:
        print(f"warning: {warning}")
    return 0
