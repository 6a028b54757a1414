"""A model in two lines of words."""

from __future__ import annotations

from explorer.facts import ModelFacts


def describe(facts: ModelFacts, device: str = "") -> str:
    """A model in two lines. device: the one it is on, if it is on any."""
    place = f" · on {device}" if device else ""
    if facts.on_grid:
        channels, height, width = facts.shape
        what = f"{height}×{width} {'grey' if channels == 1 else 'RGB' if channels == 3 else f'{channels} channels'}"
        if facts.kind == "latent":
            _, rows, columns = facts.shown_shape
            what = f"latents {channels}×{height}×{width} of {rows}×{columns} pictures"
    else:
        what = "points in 2-D" if facts.kind == "points" else "numbers on a line"
    if facts.family == "chain":
        sizes = ", ".join(str(size) for size in facts.levels)
        name = "VAE" if facts.T == 1 else f"Markovian HVAE, {facts.T} levels"
        return f"{what} · {name}: {sizes} latent numbers · Bernoulli pixels{place}"
    prediction = {"eps": "ε", "x0": "x₀", "v": "v", "score": "score", "flow": "flow"}[facts.prediction]
    times = f"T\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{facts.T}"
    return f"{what} · {prediction}-prediction · {facts.schedule}, {times}{place}"
