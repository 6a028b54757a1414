"""`train`: the recipes of the shipped models, and one for a folder of pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from explorer.cli.usage import UsageError

SUMMARY = "train one of the shipped models anew, or one on a folder of pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="which recipe; “list” names them")
    parser.add_argument("--out", help="the folder to write the model into")
    parser.add_argument("--steps", type=int, help="training steps in place of the recipe's own number")
    parser.add_argument(
        "--objective",
        choices=("denoising", "explicit", "sliced"),
        default="denoising",
        help="of the models of points: denoising, or score matching that is not told the noise (denoising)",
    )
    parser.add_argument("--data", help="of own_pictures: the folder; its subfolders are the classes")
    parser.add_argument("--size", type=int, default=32, help="of own_pictures: their side in pixels (32)")


def run(options: argparse.Namespace) -> int:
    from explorer.training.recipes import OF_POINTS, RECIPES

    if options.recipe == "list":
        print("\n".join(RECIPES))
        return 0
    if options.recipe not in RECIPES:
        raise UsageError(f"there is no recipe “{options.recipe}”; known are {', '.join(RECIPES)}")
    if options.out is None:
        raise UsageError("--out names the folder to write the model into")
    if options.steps is not None and options.steps < 1:
        raise UsageError("--steps must be at least 1")
    if options.objective != "denoising" and options.recipe not in OF_POINTS:
        raise UsageError(f"--objective {options.objective} is for the models of points: {', '.join(OF_POINTS)}")
    further = {"objective": options.objective} if options.recipe in OF_POINTS else {}
    if (options.recipe == "own_pictures") != (options.data is not None):
        raise UsageError("--data names the folder of pictures, for the recipe own_pictures")
    if options.recipe == "own_pictures":
        further = {"data": options.data, "size": options.size}
    RECIPES[options.recipe](Path(options.out), options.steps, lambda line: print(line, flush=True), **further)
    return 0
