"""`.html`: one page with a slider over the run, for a course's web site. It needs no network and nothing beside it."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import BinaryIO

from PIL import Image as Pillow

from explorer.engine.frame import Frame, Seen
from explorer.engine.samplers import chosen_sampler
from explorer.engine.sharing.files import aside
from explorer.engine.sharing.material import AnyMaterial, Material, Saving, progress
from explorer.engine.sharing.sheet import fitted, lens
from explorer.engine.sharing.snr_plot import SnrPlot
from explorer.facts import ModelFacts
from explorer.lenses.colour import contact_sheet
from explorer.lenses.drawable import Drawable, Image, Missing, on_show
from explorer.lenses.picture import picture
from explorer.paths import RESOURCES
from explorer.request import Run

MAX_STEPS = 101
"""Of a longer run, evenly chosen ones."""
COLUMNS = 10
"""Of the sheet that holds a tile's pictures."""
PLANE_SIDE = 288
"""Pixels of a picture of the plane."""
COLOURS = 64
EMPTY = "#8a919c"


@dataclass(frozen=True)
class Plot:
    """A picture over t with a cursor. words: below its title. places: where the cursor stands at each step."""

    title: str
    words: str
    svg: str
    places: Sequence[float]


def write(material: Material, file: BinaryIO) -> Saving:
    """The tiles over the run as sheets of small pictures, the SNR curve, the choices and the formulas."""
    seen = yield from all_seen(material)
    yield from (progress(1, 1, "page") for _ in aside(lambda: file.write(_page(material, seen).encode())))


def all_seen(material: AnyMaterial) -> Generator[Frame, None, list[Seen]]:
    """What the tiles show at the steps of the page."""
    indices = material.chosen(MAX_STEPS)
    seen: list[Seen] = []
    for done, index in enumerate(indices, 1):
        seen.append((yield from material.seen(index)))
        yield progress(done, len(indices), "page")
    return seen


def _page(material: Material, seen: Sequence[Seen]) -> str:
    facts, run = material.model.facts, material.run()
    request, schedule = run.request, material.model.denoiser.schedule
    curve = SnrPlot(schedule, [one.t for one in seen])
    words = "SNR(t) = a(t)² / s(t)², logarithmic; the dots are the times that the sampler visits."
    places = [round(curve.x(one.t), 2) for one in seen]
    label = ""
    if request.guidance.label is not None:
        label = f", label {facts.labels(request.guidance.kind)[request.guidance.label]}"
    planned = len(run.times) - 1
    return page(
        f"{facts.title}: {chosen_sampler(request)[0].label}, {request.steps} steps{label}",
        facts,
        seen,
        [f"step {one.step} of {planned}   t = {one.t}   SNR {_snr(one)}" for one in seen],
        Plot("Signal-to-noise ratio", words, curve.svg(), places),
        _formulas(request),
        _run_facts(request),
    )


def page(
    title: str,
    facts: ModelFacts,
    seen: Sequence[Seen],
    words: Sequence[str],
    plot: Plot,
    formulas: Sequence[tuple[str, str]],
    run: Sequence[tuple[str, str]],
    way: str = "from noise to data",
) -> str:
    """seen, words: of each step. formulas: the first before those of the tiles, the others after them.

    run: names and values. way: what the slider goes through.
    """
    columns = min(COLUMNS, len(seen))
    names = [name for name in seen[0].tiles if any(_why(one.tiles[name]) == "" for one in seen)]
    data = {
        "columns": columns,
        "rows": math.ceil(len(seen) / columns),
        "words": list(words),
        "x": list(plot.places),
        "why": [[_why(one.tiles[name]) for one in seen] for name in names],
        "note": [[_note(one.tiles[name]) for one in seen] for name in names],
    }
    lines = [*formulas[:1], *((lens(name).label, lens(name).formula) for name in names if name != "x_t"), *formulas[1:]]
    parts = {
        "title": escape(title),
        "lead": escape(facts.summary),
        "css": _file("page.css"),
        "js": _file("page.js"),
        "last": str(len(seen) - 1),
        "way": escape(way),
        "tiles": "\n".join(_tile(name, [one.tiles[name] for one in seen], columns) for name in names),
        "plot_title": escape(plot.title),
        "plot_words": escape(plot.words),
        "plot": plot.svg,
        "formulas": "\n".join(f"<dt>{name}</dt><dd>{_subscripts(escape(text))}</dd>" for name, text in lines),
        "run": _table(run),
        "model": _table([(fact.name, fact.value) for fact in facts.evidence]),
        "data": json.dumps(data).replace("</", "<\\/"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _file("page.html"))


def _file(name: str) -> str:
    return (RESOURCES / "page" / name).read_text(encoding="utf-8")


def _snr(seen: Seen) -> str:
    return "∞" if seen.s == 0 else f"{(seen.a / seen.s) ** 2:.3g}"


def _tile(name: str, drawables: Sequence[Drawable], columns: int) -> str:
    """A figure whose picture is one sheet of all steps, of which the style sheet shows one."""
    shown = lens(name)
    frames = [_small(drawable) for drawable in drawables]
    sizes = {frame.size for frame in frames if frame is not None}
    width, height = max(size[0] for size in sizes), max(size[1] for size in sizes)
    if len(sizes) > 1:  # the tiles of a chain, whose levels are of different sizes
        width, height = max(width, PLANE_SIDE), max(height, PLANE_SIDE)
    rows = math.ceil(len(frames) / columns)
    sheet = Pillow.new("RGB", (columns * width, rows * height), EMPTY)
    for i, frame in enumerate(frames):
        if frame is not None:
            if frame.size != (width, height):
                frame = fitted(frame, (width, height), isinstance(on_show(drawables[i])[0], Image))
            sheet.paste(frame, (i % columns * width, i // columns * height))
    smooth = "" if any(isinstance(drawable, Image) for drawable in drawables) else " smooth"
    style = (
        f"aspect-ratio:{width}/{height};background-size:{columns * 100}% {rows * 100}%;"
        f"background-image:url(data:image/png;base64,{_png(sheet)})"
    )
    return (
        f'<figure class="tile"><h3>{shown.label}<span>{_subscripts(escape(shown.formula))}</span></h3>'
        f'<div class="sprite{smooth}" role="img" aria-label="{escape(name)} at the chosen step" style="{style}"></div>'
        '<p class="note"></p>'
        "</figure>"
    )


def _why(drawable: Drawable) -> str:
    """Why there is no picture, "" where there is one."""
    shown, _ = on_show(drawable)
    return shown.why if isinstance(shown, Missing) else ""


def _note(drawable: Drawable) -> str:
    """That the picture is of another time, "" where it is of this one."""
    return on_show(drawable)[1] if isinstance(drawable, Missing) else ""


def _small(drawable: Drawable) -> Pillow.Image | None:
    """The picture in as few pixels as it has; the browser enlarges it."""
    drawable, _ = on_show(drawable)
    if isinstance(drawable, Missing):
        return None
    if isinstance(drawable, Image):
        return Pillow.fromarray(contact_sheet(drawable, gap=1 if len(drawable.data) > 1 else 0))
    return picture(drawable).resize((PLANE_SIDE, PLANE_SIDE), Pillow.Resampling.LANCZOS)


def _png(sheet: Pillow.Image) -> str:
    buffer = io.BytesIO()
    small = sheet.quantize(COLOURS, dither=Pillow.Dither.NONE) if len(sheet.getcolors(1 << 24) or ()) > 256 else sheet
    small.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _formulas(request: Run) -> list[tuple[str, str]]:
    lines = [("The path from data to noise", "x_t = a(t) x₀ + s(t) ε,   ε ~ N(0, I)")]
    if request.guidance.label is not None:
        kinds = {
            "classifier": "∇ log p(x_t) + γ ∇ log p(y | x_t)",
            "classifier-free": "ε̂ = ε̂(x_t) + γ (ε̂(x_t, y) − ε̂(x_t))",
        }
        lines.append((f"Guidance, γ = {request.guidance.scale:g}", kinds[request.guidance.kind]))
    return lines


def _subscripts(text: str) -> str:
    """x_t, z_{t−1}, … with what is below the line there. text: escaped."""
    text = text.replace("x₀", "<i>x</i><sub>0</sub>")
    return re.sub(r"\b([xz])_(?:(t)\b|\{([^}]*)\})", r"<i>\1</i><sub>\2\3</sub>", text)


def _run_facts(request: Run) -> list[tuple[str, str]]:
    sampler, parameters = chosen_sampler(request)
    guidance = request.guidance
    lines = [("sampler", f"{sampler.label}. {sampler.summary}"), (sampler.steps_label.lower(), str(request.steps))]
    lines += [("seed", str(request.seed)), ("samples", str(request.count))]
    if guidance.label is not None:
        lines += [("label", str(guidance.label)), ("guidance", f"{guidance.kind}, γ = {guidance.scale:g}")]
    labels = {spec.name: spec.metadata["label"] for spec in parameters.__dataclass_fields__.values()}
    return lines + [(labels[name], _word(value)) for name, value in asdict(parameters).items() if value != ""]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(lines: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in lines)
