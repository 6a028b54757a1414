"""`look`: the tiles of one time, written to a file."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.cli.usage import (
    UsageError,
    common_arguments,
    out_file,
    save_npz,
    schedule_argument,
    schedule_of,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.lenses.drawable import Drawable

DEFAULT_LENSES = {"diffusion": "x_t,x0,eps,score", "chain": "z_t,decoded"}
SUMMARY = "what the model says of a noised sample at a time t"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    common_arguments(parser)
    schedule_argument(parser)
    parser.add_argument("--against", metavar="PATH2", help="another model of the same shape: A, B, A − B of each tile")
    parser.add_argument("--t", type=int, required=True, help="time, 0 (data) … T (noise)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--sample", type=int, default=0, help="which of the model's data samples is x₀ (0)")
    source.add_argument("--image", help="a picture file as x₀")
    parser.add_argument("--n", type=int, help="how many samples from there on (1 picture, or 5,000 points)")
    parser.add_argument("--lens", help="tiles, by name (x_t,x0,eps,score; of a VAE or an HVAE z_t,decoded)")


def run(options: argparse.Namespace) -> int:
    from explorer.facts import check_comparable
    from explorer.formats.registry import inspect
    from explorer.request import ModelRef
    from explorer.state import DEFAULT_POINTS, resolve_look

    out = out_file(options)
    facts = inspect(options.path)
    wanted = options.lens if options.lens is not None else DEFAULT_LENSES[facts.family]
    lenses = tuple(name.strip() for name in wanted.split(",") if name.strip())
    if not lenses:
        raise UsageError("--lens names at least one tile")
    count = options.n
    if count is None:
        count = 1 if facts.on_grid or options.image else min(DEFAULT_POINTS, facts.sample_count)
    state = state_of(
        options,
        t=options.t,
        sample=options.sample,
        count=count,
        noise_seed=options.seed,
        picture=options.image,
        schedule=schedule_of(options.schedule),
        lenses=lenses,
    )
    look = resolve_look(state, facts)
    names = lenses
    if options.against is not None:
        check_comparable(facts, inspect(options.against), options.label)
        look = replace(look, second=ModelRef(options.against, options.device))
        names = tuple(f"{name}{part}" for name in lenses for part in ("", ":b", ":difference"))

    from explorer.engine.engine import Engine
    from explorer.engine.frame import Drawn, Seen

    tiles: dict[str, Drawable] = {}
    for frame in Engine().answer(look):
        if isinstance(frame, Seen | Drawn):
            tiles |= frame.tiles
    missing = [name for name in lenses if name not in tiles]
    if missing:
        raise UsageError(f"the lens “{missing[0]}” is not for models of this kind ({facts.lens_kind})")
    _write_tiles(out, [tiles[name] for name in names], names, 3 if options.against is not None else len(names))
    return 0


def _write_tiles(out: Path, tiles: list[Drawable], names: Sequence[str], columns: int) -> None:
    """columns: how many tiles stand side by side in a picture."""
    if out.suffix.lower() == ".npz":
        save_npz(out, {name: drawable.data for name, drawable in zip(names, tiles, strict=True)})
        return
    from explorer.lenses.picture import below, picture, side_by_side

    pictures = [picture(drawable) for drawable in tiles]
    below([side_by_side(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]).save(out)
