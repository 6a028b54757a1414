"""Measure a model anew and write the result into its card, without training it:

python -m explorer.training.remeasure checkpoints/ncsn checkpoints/vdm
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from explorer.training.card import write_card
from explorer.training.ncsn_quality import ncsn_quality
from explorer.training.quality import digits_quality
from explorer.training.twins_quality import twin_quality
from explorer.training.vdm_quality import vdm_quality

MEASURES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "digits": digits_quality,
    "ncsn": ncsn_quality,
    "vdm": vdm_quality,
    "digits-x0": twin_quality,
    "digits-eps": twin_quality,
    "digits-score": twin_quality,
    "digits-v": twin_quality,
}
"""By the name of the folder."""


def remeasure(folder: Path, measure: Callable[[Path], dict[str, Any]]) -> None:
    """Put what is measured into the folder's card, as its `quality`."""
    quality = measure(folder)
    card = json.loads((folder / "explorer.json").read_text(encoding="utf-8"))
    write_card(folder, {**card, "quality": quality})


def main() -> None:
    """The command line: `python -m explorer.training.remeasure --help`."""
    parser = argparse.ArgumentParser(prog="python -m explorer.training.remeasure", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help=f"models named {', '.join(MEASURES)}")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch's threads")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    unknown = [folder.name for folder in arguments.folders if folder.name not in MEASURES]
    if unknown:
        parser.error(f"no measure for {', '.join(unknown)}")
    for folder in arguments.folders:
        remeasure(folder, MEASURES[folder.name])


if __name__ == "__main__":
    main()
