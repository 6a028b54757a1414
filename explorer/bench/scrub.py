"""Going back and forth in a long run: 1,000 DDPM steps of 16 digits. What it takes of memory; and from choosing a step
to painted tiles, the network's own time apart, for steps that are kept and for those that are made again.

The network of `digits` is asked 1,000 times for the run, and 8 times on average for each step that is made again from
keyframes at their furthest: minutes on two cores.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication

from explorer.bench import Row, percentile, say
from explorer.engine.engine import Engine
from explorer.engine.frame import Seen
from explorer.engine.trajectory import MAX_STRIDE
from explorer.paths import CHECKPOINTS
from explorer.request import Guidance, Look, ModelRef, Replay, Run
from explorer.ui.tiles import FIRST_TILES, Tiles

STEPS, COUNT = 1000, 16
LOOKS = 24
LENSES = tuple(lens.name for lens in FIRST_TILES)
MIB = 2**20


def measure() -> list[Row]:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    tiles = Tiles()
    tiles.resize(900, 620)
    tiles.show()
    app.processEvents()
    engine, ref = Engine(), ModelRef(str(CHECKPOINTS / "digits"), "cpu")
    engine.model(ref)
    budget = engine.runs.budget / MIB
    request = Run(ref, 1, "ddpm", STEPS, 0, COUNT, Guidance(), LENSES)
    first, grown = _made(engine, request)
    rows = [
        Row(
            "kept of 1,000 steps of 16 digits", engine.runs.nbytes / MIB, "MiB", budget, "limit: the budget of all runs"
        ),
        Row("what the process grew by meanwhile", grown / MIB, "MiB", budget),
    ]
    places = np.random.default_rng(0).integers(0, STEPS, LOOKS).tolist()
    _show(engine, request, tiles, 0)  # the first one makes what later ones find
    kept = [_show(engine, request, tiles, step) for step in places]
    engine.runs.budget = (STEPS // MAX_STRIDE + 4) * COUNT * 2 * 28 * 28 * 4  # keyframes at their furthest
    engine.runs.fit()
    again = []
    for place, step in enumerate(places):
        say(f"scrub: step {step} made again, {place} of {LOOKS} so far")
        again.append(_show(engine, request, tiles, step))
    say("")
    wrong = sum(first[step] != digest for step, (_, _, digest) in zip(places, again, strict=True))
    calls = [calls for _, calls, _ in again]
    note = f"{max(calls)} steps at most, {sum(calls) / len(calls):.0f} on average; limit without the network"
    none = f"{sum(calls for _, calls, _ in kept)} calls of the network in all {LOOKS} looks"
    return [
        *rows,
        Row("to a step that is kept, p95", 1000 * percentile([cost for cost, _, _ in kept], 0.95), "ms", 30.0, none),
        Row("to a step made again, p95", 1000 * percentile([cost for cost, _, _ in again], 0.95), "ms", 30.0, note),
        Row("steps made again that differ from those first seen", wrong, "", 0.0, f"of {LOOKS}, all bits compared"),
    ]


def _made(engine: Engine, request: Run) -> tuple[list[str], int]:
    """Digests of what was seen, and bytes of memory that the process has more than before."""
    before = _resident()
    digests = []
    for frame in engine.answer(request):
        if isinstance(frame, Seen):
            digests.append(_digest(frame))
            if len(digests) % 50 == 0:
                say(f"scrub: {len(digests)} of {STEPS} steps of the run are made")
    return digests, _resident() - before


def _show(engine: Engine, request: Run, tiles: Tiles, step: int) -> tuple[float, int, str]:
    """Seconds without the network's, its calls, and the digest of what was seen."""
    begin = time.perf_counter()
    look = Look(request.model, Replay(1, step), 0, Guidance(), LENSES)
    (seen,) = (frame for frame in engine.answer(look) if isinstance(frame, Seen))
    tiles.show_drawables(seen.tiles)
    for name in LENSES:
        tiles.tile(name).repaint()
    return time.perf_counter() - begin - seen.network_seconds, seen.network_calls, _digest(seen)


def _digest(seen: Seen) -> str:
    found = hashlib.sha256()
    for name in LENSES:
        found.update(seen.tiles[name].data.tobytes())
    return found.hexdigest()


def _resident() -> int:
    """Bytes of the process in memory; 0 where the system does not say so."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
