"""What tests of reverse runs look at."""

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


def cursors_agree(hand: Hand) -> bool:
    t = hand.window.state.t
    return hand.slider.value() == hand.spin("timestepSpin").value() == t == hand.cursor("snrPlot")


def play_until(hand: Hand, step: int) -> None:
    hand.click("playButton")
    hand.until(lambda: hand.window.state.step >= step)
