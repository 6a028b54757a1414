"""A folder of somebody's own pictures as a labelled set: its subfolders are the classes, as usual."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explorer.datasets.picture_file import read_picture
from explorer.datasets.pictures import PictureSet
from explorer.facts import ModelError

FEWEST = 2


def picture_folder(folder: Path, size: int, progress: Callable[[str], None]) -> PictureSet:
    """Every picture in `folder` and its subfolders, cropped to a centred square of size × size pixels; grey where all
    are. A folder without subfolders has one class. What is no picture is named in `progress` and left out.

    Raises ModelError where there is no such folder or too few pictures.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no folder “{folder}”.")
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    names: list[str] = []
    for place in subfolders or [folder]:
        found = list(_pictures(place, size, progress))
        if found:
            labels += [len(names)] * len(found)
            names.append(place.name)
            images += found
    if len(images) < FEWEST:
        raise ModelError(f"The folder “{folder}” holds {len(images)} pictures that can be read; too few to learn from.")
    stacked = np.stack(images)
    if (stacked == stacked[..., :1]).all():
        stacked = stacked[..., :1]
    return PictureSet(stacked, np.array(labels, np.int64), tuple(names))


def _pictures(folder: Path, size: int, progress: Callable[[str], None]) -> list[NDArray[np.uint8]]:
    """(size, size, 3) each, by their names."""
    endings, found = Image.registered_extensions(), []
    for file in sorted(path for path in folder.rglob("*") if path.suffix.lower() in endings):
        try:
            picture = read_picture(str(file), (3, size, size), (0.0, 255.0))
        except ModelError as error:
            progress(f"left out: {error}")
        else:
            found.append(picture.round().astype(np.uint8).transpose(1, 2, 0))
    return found


def as_many_of_each(pictures: PictureSet, most: int) -> PictureSet:
    """The first pictures of every class, equally many, at most `most` in all."""
    counts = np.bincount(pictures.labels)
    each = max(min(int(counts.min()), most // len(counts)), 1)
    kept = np.concatenate([np.flatnonzero(pictures.labels == k)[:each] for k in range(len(counts))])
    return PictureSet(pictures.images[kept], pictures.labels[kept], pictures.class_names)
