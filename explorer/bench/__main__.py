"""Run measurements and print them as a table, or as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from dataclasses import asdict

from explorer.bench import Row

NAMES = ("start", "look", "points", "scrub", "samplers", "agreement")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m explorer.bench", description="Measure the program's speed.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)} (all)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no measurement “{unknown.pop()}”; there are {', '.join(NAMES)}")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    results: dict[str, list[Row]] = {}
    for name in options.names or NAMES:
        results[name] = importlib.import_module(f"explorer.bench.{name}").measure()
        if not options.json:
            _print(name, results[name])
    if options.json:
        print(json.dumps({name: [asdict(row) for row in rows] for name, rows in results.items()}, indent=2))
    return 0


def _print(name: str, rows: list[Row]) -> None:
    print(f"\n{name}")
    width = max(len(row.name) for row in rows)
    for row in rows:
        verdict = {True: "ok", False: "OVER", None: ""}[row.within]
        limit = f"≤ {row.limit:g} {row.unit}" if row.limit is not None else ""
        print(f"  {row.name:<{width}}  {row.value:9.3g} {row.unit:<6} {limit:<14} {verdict:<5} {row.note}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
