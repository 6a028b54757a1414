"""What tests of the window look at while time goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ui.hand import Arrays, Hand


LENSES = ("x_t", "x0", "eps", "score")


def same(a: Arrays, b: Arrays) -> bool:
    """Bit for bit; NaN, which stands where there is nothing to say, equals itself."""
    return all(a[lens].tobytes() == b[lens].tobytes() for lens in LENSES)


def run_frames(hand: Hand) -> dict[int, Arrays]:
    """What the tiles showed when each step was made, as far as it was drawn."""
    return {seen.step: arrays for seen, arrays in hand.frames if seen.run is not None and not seen.replayed}


def times_agree(hand: Hand, t: int | None = None) -> bool:
    """The state, the slider, the spin box and all three cursors are at t, or at one time whichever it is."""
    places = [hand.window.state.t, hand.slider.value(), hand.spin("timestepSpin").value()]
    places += [hand.cursor(plot) for plot in ("schedulePlot", "snrPlot", "statisticsPlot")]
    return set(places) == {places[0] if t is None else t}


def play_until(hand: Hand, step: int) -> None:
    hand.click("playButton")
    hand.until(lambda: hand.window.state.step >= step)
