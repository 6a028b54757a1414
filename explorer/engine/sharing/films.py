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
MAX_GIF_FRAMES = 200
MAX_MP4_FRAMES = 1200
COLOURS = 128
"""Of a .gif's frames: fewer make a smaller file."""


def write_gif(material: AnyMaterial, file: BinaryIO) -> Saving:
    """A .gif that runs for ever. Of a longer run, evenly chosen steps."""
    frames = []
    indices, sheet = material.chosen(MAX_GIF_FRAMES), Sheet()
    for done, index in enumerate(indices, 1):
        seen = yield from material.seen(index)
        frames.append(sheet.draw(seen))
        yield progress(done, len(indices), "film")
    yield from (progress(1, 1, "film") for _ in aside(lambda: save_gif(frames, file)))


def write_pictures(path: str, pictures: Iterator[NDArray[np.uint8]]) -> None:
    """A film of pictures (height, width, 3) of one size, by the ending of `path`; complete, or not there.

    Raises ModelError, one sentence, where that is not possible.
    """
    with replacing(path) as file:
        if path.lower().endswith(".gif"):
            save_gif([Pillow.fromarray(picture) for picture in pictures], file)
            return
        with Film.into(file) as film:
            for picture in pictures:
                film.add(picture)


def save_gif(frames: list[Pillow.Image], file: BinaryIO) -> None:
    """frames: all of one size."""
    small = [frame.quantize(COLOURS, dither=Pillow.Dither.NONE) for frame in frames]
    durations = [1000 // FRAMES_PER_SECOND] * (len(small) - 1) + [int(1000 * HELD_SECONDS)]
    small[0].save(file, "GIF", save_all=True, append_images=small[1:], duration=durations, loop=0, disposal=1)


def write_mp4(material: AnyMaterial, file: BinaryIO) -> Saving:
    """An .mp4 that every browser and slide program plays. Of a longer run, evenly chosen steps."""
    indices, sheet = material.chosen(MAX_MP4_FRAMES), Sheet()
    with Film.into(file) as film:
        for done, index in enumerate(indices, 1):
            seen = yield from material.seen(index)
            film.add(np.asarray(sheet.draw(seen)))
            yield progress(done, len(indices), "film")


class Film:
    """An .mp4 that grows by one picture at a time."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._stream: Any = None
        self._last: NDArray[np.uint8] | None = None

    @staticmethod
    @contextmanager
    def into(file: BinaryIO) -> Iterator[Film]:
        """Complete when the block is left. Raises ModelError where PyAV is not installed."""
        try:
            import av
        except ImportError as error:
            raise ModelError("An .mp4 needs the package av (pip install av); a .gif needs nothing more.") from error
        with av.open(file, "w", format="mp4") as container:
            film = Film(container)
            yield film
            film.finish()

    def add(self, picture: NDArray[np.uint8]) -> None:
        """picture: (height, width, 3). The first one decides on the size."""
        import av

        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2  # colours are stored for 2 × 2 pixels
        if self._stream is None:
            name = "libx264" if "libx264" in av.codec.codecs_available else "mpeg4"
            self._stream = self._container.add_stream(name, rate=Fraction(FRAMES_PER_SECOND))
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.thread_count = 1
            if name == "libx264":
                self._stream.options = {"crf": "14", "preset": "veryfast"}
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
        self._container.mux(self._stream.encode(frame))
        self._last = picture

    def finish(self) -> None:
        """Hold the last picture, and write what the encoder still keeps."""
        if self._last is not None:
            for _ in range(int(HELD_SECONDS * FRAMES_PER_SECOND)):
                self.add(self._last)
            self._container.mux(self._stream.encode())
