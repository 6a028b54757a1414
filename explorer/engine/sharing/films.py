"""`.gif` and `.mp4`: the tiles over a run, each step a frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from explorer.engine.sharing.files import aside, replacing
from explorer.engine.sharing.material import AnyMaterial, Saving, progress
from explorer.engine.sharing.sheet import Sheet
from explorer.facts import ModelError

FRAMES_PER_SECOND = 20
HELD_SECONDS = 1.5
"""How long the last picture stays before a film begins again."""
LEAST_SECONDS = 5.0
"""Of a film: that of a run of few steps goes slowly enough to be watched."""
LONGEST_STAY = 0.7
"""Seconds that one of its pictures stays at most."""
MAX_GIF_FRAMES = 200
MAX_MP4_FRAMES = 1200
COMMON_COLOURS, RARE_COLOURS = 144, 111
"""Of a .gif: those of most pixels, and those that are farthest from each other, as the colours of thin lines are."""


def write_gif(material: AnyMaterial, file: BinaryIO) -> Saving:
    """A .gif that runs for ever. Of a longer run, evenly chosen steps."""
    frames = []
    indices, sheet = material.chosen(MAX_GIF_FRAMES), Sheet()
    for done, index in enumerate(indices, 1):
        seen = yield from material.seen(index)
        frames.append(sheet.draw(seen))
        yield progress(done, len(indices), "film")
    yield from (progress(1, 1, "film") for _ in aside(lambda: save_gif(frames, file)))


def stay(pictures: int) -> int:
    """For how many frames each picture of a film stays."""
    wanted = round(LEAST_SECONDS * FRAMES_PER_SECOND / max(pictures, 1))
    return min(max(wanted, 1), round(LONGEST_STAY * FRAMES_PER_SECOND))


def write_pictures(path: str, pictures: Iterator[NDArray[np.uint8]], count: int) -> None:
    """A film of `count` pictures (height, width, 3) of one size, by the ending of `path`; complete, or not there.

    Raises ModelError, one sentence, where that is not possible.
    """
    with replacing(path) as file:
        if path.lower().endswith(".gif"):
            save_gif([Pillow.fromarray(picture) for picture in pictures], file)
            return
        with Film.into(file, stay(count)) as film:
            for picture in pictures:
                film.add(picture)


def save_gif(frames: list[Pillow.Image], file: BinaryIO) -> None:
    """frames: all of one size."""
    colours = _palette([frames[i] for i in sorted({0, len(frames) // 2, len(frames) - 1})])
    small = [frame.quantize(palette=colours, dither=Pillow.Dither.NONE) for frame in frames]
    durations = [1000 * stay(len(small)) // FRAMES_PER_SECOND] * (len(small) - 1) + [int(1000 * HELD_SECONDS)]
    small[0].save(file, "GIF", save_all=True, append_images=small[1:], duration=durations, loop=0, disposal=1)


def _palette(frames: list[Pillow.Image]) -> Pillow.Image:
    """The colours of a film: one palette for all frames, so that nothing flickers."""
    every = np.concatenate([np.asarray(frame)[::2, ::2] for frame in frames])
    picture = Pillow.fromarray(every)
    common = picture.quantize(COMMON_COLOURS, Pillow.Quantize.MEDIANCUT, dither=Pillow.Dither.NONE)
    rare = picture.quantize(RARE_COLOURS, Pillow.Quantize.MAXCOVERAGE, dither=Pillow.Dither.NONE)
    colours = (common.getpalette() or [])[: 3 * COMMON_COLOURS] + (rare.getpalette() or [])[: 3 * RARE_COLOURS]
    palette = Pillow.new("P", (1, 1))
    palette.putpalette(colours)
    return palette


def write_mp4(material: AnyMaterial, file: BinaryIO) -> Saving:
    """An .mp4 that every browser and slide program plays. Of a longer run, evenly chosen steps."""
    indices, sheet = material.chosen(MAX_MP4_FRAMES), Sheet()
    with Film.into(file, stay(len(indices))) as film:
        for done, index in enumerate(indices, 1):
            seen = yield from material.seen(index)
            film.add(np.asarray(sheet.draw(seen)))
            yield progress(done, len(indices), "film")


class Film:
    """An .mp4 that grows by one picture at a time."""

    def __init__(self, container: Any, each: int = 1) -> None:
        self._container = container
        self._each = each
        self._stream: Any = None
        self._last: NDArray[np.uint8] | None = None

    @staticmethod
    @contextmanager
    def into(file: BinaryIO, each: int = 1) -> Iterator[Film]:
        """Complete when the block is left. each: for how many frames a picture stays.

        Raises ModelError where PyAV is not installed.
        """
        try:
            import av
        except ImportError as error:
            raise ModelError("An .mp4 needs the package av (pip install av); a .gif needs nothing more.") from error
        with av.open(file, "w", format="mp4") as container:
            film = Film(container, each)
            yield film
            film.finish()

    def add(self, picture: NDArray[np.uint8]) -> None:
        """picture: (height, width, 3). The first one decides on the size."""
        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2  # colours are stored for 2 × 2 pixels
        if self._stream is None:
            import av

            name = "libx264" if "libx264" in av.codec.codecs_available else "mpeg4"
            self._stream = self._container.add_stream(name, rate=Fraction(FRAMES_PER_SECOND))
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.thread_count = 1
            if name == "libx264":
                self._stream.options = {"crf": "14", "preset": "veryfast"}
        self._last = np.ascontiguousarray(picture[:height, :width])
        self._encode(self._last, self._each)

    def finish(self) -> None:
        """Hold the last picture, and write what the encoder still keeps."""
        if self._last is not None:
            self._encode(self._last, int(HELD_SECONDS * FRAMES_PER_SECOND))
            self._container.mux(self._stream.encode())

    def _encode(self, picture: NDArray[np.uint8], times: int) -> None:
        """So many times."""
        import av

        for _ in range(times):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            self._container.mux(self._stream.encode(frame))
