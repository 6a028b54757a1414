"""`.html` of a run down a latent chain: the page of any run, with the chain itself in place of the SNR curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from explorer.engine.chain_runs import TEMPERATURE, temperature_of
from explorer.engine.frame import Seen
from explorer.engine.sharing.material import ChainMaterial, Saving
from explorer.engine.sharing.page import Plot, all_seen, page
from explorer.facts import subscript

WIDTH, HEIGHT, MARGIN = 520, 120, 44
RADIUS = 20


def write(material: ChainMaterial, file: BinaryIO) -> Saving:
    """The tiles over the run as sheets of small pictures, the chain, the choices and the formulas."""
    seen = yield from all_seen(material)
    file.write(_page(material, seen).encode())


def _page(material: ChainMaterial, seen: Sequence[Seen]) -> str:
    facts, run = material.model.facts, material.run()
    request, L = run.request, run.L
    top = f"z{subscript(L)}"
    way = f"from {top} down to the picture"
    formulas = [("The way down", f"{top} ~ N(0, I)" + ",   z_{t−1} ~ p(z_{t−1} | z_t)" * (L > 1) + ",   x ~ p(x | z₁)")]
    lines = [
        ("sampler", f"level by level, {way}"),
        ("levels", ", ".join(f"z{subscript(t)}: {size} numbers" for t, size in enumerate(facts.levels, 1))),
        ("seed", str(request.seed)),
        ("samples", str(request.count)),
        (TEMPERATURE.label.lower(), f"{temperature_of(request):g}"),
    ]
    return page(
        f"{facts.title}: {way}",
        facts,
        seen,
        [f"step {one.step} of {L}   {_place(one.t, L)}" for one in seen],
        Plot("The chain", "Each level is drawn from the one before it.", _chain(L), [_x(one.t, L) for one in seen]),
        formulas,
        lines,
        way,
    )


def _place(t: int, L: int) -> str:
    return "the picture x" if t == 0 else f"level {t} of {L}"


def _x(t: int, L: int) -> float:
    """Where a level stands: z_L on the left, the picture on the right."""
    return round(MARGIN + (L - t) / L * (WIDTH - 2 * MARGIN), 1)


def _chain(L: int) -> str:
    """z_L → … → z₁ → x, with a cursor for the page to move."""
    middle = HEIGHT / 2
    label = "The chain, with the level on show"
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">']
    parts.append(f'<line class="cursor wide" x1="{MARGIN}" x2="{MARGIN}" y1="14" y2="{HEIGHT - 14}"/>')
    for t in range(L, 0, -1):
        begin, end = _x(t, L) + RADIUS, _x(t - 1, L) - RADIUS
        parts.append(f'<path class="curve" d="M{begin:.1f} {middle}H{end:.1f}m-7 -5l7 5l-7 5"/>')
    for t in range(L, -1, -1):
        name = f"z{subscript(t)}" if t else "x"
        parts.append(f'<circle class="node" cx="{_x(t, L)}" cy="{middle}" r="{RADIUS}"/>')
        parts.append(f'<text x="{_x(t, L)}" y="{middle + 4}" text-anchor="middle">{name}</text>')
    return "\n".join([*parts, "</svg>"])
