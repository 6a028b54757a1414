"""`doctor`: what this machine offers the program."""

from __future__ import annotations

import argparse
import json

SUMMARY = "devices, versions, and what is missing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    from explorer.doctor import report

    found = report()
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        width = max(len(name) for name in found)
        for name, value in found.items():
            text = ", ".join(value) if isinstance(value, list) else str(value)
            print(f"{name:<{width}}  {text or 'none'}")
    return 0
