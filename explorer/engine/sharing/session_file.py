"""`.dxsession`: everything that is open, to be opened again: a zip of one JSON text and .npy arrays, never pickle.

session.json holds the choices (`notes`, which is the window's), and of each run the requests that made it. With the
steps as arrays a run comes back as it is; without them, as in the small file that is kept while the program runs, it is
made again, bit for bit: its noise has addresses.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from explorer.engine.sharing.plain import Arrays, from_plain, to_plain
from explorer.facts import ModelError, ModelFacts
from explorer.request import ModelRef, Run
from explorer.state import ChoiceError, State

FORMAT = "diffusion-explorer session"
VERSION = 1
TEXT = "session.json"
MAX_TEXT = 64 * 2**20
MAX_BYTES = 4 * 2**30
MAX_RUNS = 64
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class StepRecord:
    """A step that is kept, see engine.kept.Kept. limit: the fields of its Limit."""

    index: int
    t: float
    kind: str
    a: float
    s: float
    limit: tuple[float, ...] | None
    x: Floats
    output: Floats
    x0: Floats | None
    extras: Mapping[str, float]
    variance_fraction: Floats | None = None


@dataclass(frozen=True)
class SegmentRecord:
    """See engine.trajectory.Segment."""

    request: Run
    start: int
    continues: bool
    memory: int | None
    limit: tuple[float, ...] | None


@dataclass(frozen=True)
class RunFile:
    """A run. steps: empty where it is to be made again."""

    number: int
    made: int
    times: tuple[float, ...]
    segments: tuple[SegmentRecord, ...]
    stride: int = 1
    scalars: tuple[Mapping[str, float], ...] = ()
    steps: tuple[StepRecord, ...] = ()


@dataclass(frozen=True)
class ChainStepRecord:
    """A step down a chain of latent variables, see engine.chain_runs.ChainStep. x: None where it follows from z."""

    index: int
    t: int
    z: Floats
    mean: Floats
    log_std: Floats
    x: Floats | None = None


@dataclass(frozen=True)
class ChainSegmentRecord:
    """See engine.chain_runs.ChainSegment."""

    request: Run
    start: int
    given: bool


@dataclass(frozen=True)
class ChainFile:
    """A run down a chain of L latent variables. Its steps are small, and always there."""

    number: int
    L: int
    segments: tuple[ChainSegmentRecord, ...]
    steps: tuple[ChainStepRecord, ...]


@dataclass(frozen=True)
class RunNotes:
    """What the window knows of a run. choices: a State as JSON."""

    number: int
    choices: str
    parent: tuple[int, int] | None = None
    edit_name: str = ""


@dataclass(frozen=True)
class Notes:
    """What the window shows. state: a State as JSON. shown: the number of the run on show."""

    state: str
    shown: int | None = None
    runs: tuple[RunNotes, ...] = ()


@dataclass(frozen=True)
class SessionFile:
    """All of it."""

    model: ModelRef
    notes: Notes
    runs: tuple[RunFile, ...] = ()
    chains: tuple[ChainFile, ...] = ()
    """Of a chain of latent variables, which has these in place of `runs`."""
    format: str = FORMAT
    version: int = VERSION


def write(session: SessionFile, file: BinaryIO) -> None:
    """The arrays are stored as they are: noise cannot be made smaller."""
    arrays = Arrays()
    text = json.dumps(to_plain(session, arrays), ensure_ascii=False)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(TEXT, text, zipfile.ZIP_DEFLATED, 1)
        for place, array in enumerate(arrays.all):
            with archive.open(f"{place}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array, np.float32), allow_pickle=False)


def read(path: str | Path) -> SessionFile:
    """Raises ModelError, one sentence, for whatever is not a whole session file."""
    return _opened(path, whole=True)


def outline(path: str | Path) -> SessionFile:
    """The same with all arrays empty: what it is, soon, however large. Raises ModelError, too."""
    return _opened(path, whole=False)


def _opened(path: str | Path, whole: bool) -> SessionFile:
    name = Path(path).name
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise zipfile.BadZipFile("no regular file")  # reading from a pipe would never end
        with zipfile.ZipFile(path) as archive:
            return _read(archive, whole)
    except FileNotFoundError as error:
        raise ModelError(f"There is no file “{path}”.") from error
    except OSError as error:
        raise ModelError(f"“{name}” cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, zipfile.LargeZipFile) as error:
        raise ModelError(f"“{name}” is no session, or is not all there.") from error
    except (ValueError, KeyError, RecursionError, RuntimeError, MemoryError, SyntaxError, ChoiceError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ModelError(f"“{name}” is not a session that this program can open: {reason}.") from error


def _read(archive: zipfile.ZipFile, whole: bool) -> SessionFile:
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if sizes.get(TEXT, MAX_TEXT + 1) > MAX_TEXT or sum(sizes.values()) > MAX_BYTES:
        raise ValueError("it holds no session, or far too much of one")
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist() if info.filename != TEXT):
        raise ValueError("its arrays are packed")  # a few bytes could become many
    plain = json.loads(archive.read(TEXT))
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise ValueError("it says that it is something else")
    if plain.get("version") != VERSION:
        raise ValueError("a newer program wrote it")
    places = range(len(sizes) - 1)
    arrays = [_array(archive, f"{place}.npy") if whole else np.empty(0, np.float32) for place in places]
    session = from_plain(SessionFile, plain, arrays)
    for text in (session.notes.state, *(run.choices for run in session.notes.runs)):
        State.from_json(text)
    numbers = [run.number for run in session.runs] + [run.number for run in session.chains]
    if len(numbers) > MAX_RUNS or len(set(numbers)) < len(numbers):
        raise ValueError("its runs cannot be told apart")
    for run in session.runs:
        _check_run(run)
    for chain in session.chains:
        _check_chain(chain)
    return session


def _array(archive: zipfile.ZipFile, name: str) -> Floats:
    """An array whose header promises no more than the file holds."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as entry:
        version = np.lib.format.read_magic(entry)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(entry)
        if dtype != np.float32 or fortran or min(shape, default=1) < 0 or _product(shape) * 4 > size:
            raise ValueError("an array is not what it should be")
        data = entry.read()
    if len(data) != _product(shape) * 4:
        raise ValueError("an array is not all there")
    return np.frombuffer(data, np.float32).reshape(shape).copy()


def _product(shape: Sequence[int]) -> int:
    product = 1
    for length in shape:
        product *= int(length)
    return product


def _check_run(run: RunFile) -> None:
    """Raises ValueError where the parts of a run contradict each other."""
    starts = [segment.start for segment in run.segments]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or not 1 <= run.made <= len(run.times):
        raise ValueError("a run has no beginning")
    if starts[-1] >= run.made or not 1 <= run.stride <= 4096:
        raise ValueError("a run ends before it begins")
    if run.steps:
        indices = [step.index for step in run.steps]
        if indices != sorted(set(indices)) or indices[-1] != run.made - 1 or len(run.scalars) != run.made:
            raise ValueError("steps are missing")
        if not set(starts) <= set(indices) or any(step.t != run.times[step.index] for step in run.steps):
            raise ValueError("steps are not where they should be")
        if any(step.kind not in ("x0", "eps", "score", "v", "flow") for step in run.steps):
            raise ValueError("a step holds something unknown")


def _check_chain(run: ChainFile) -> None:
    """Raises ValueError where the parts of a run contradict each other."""
    starts = [segment.start for segment in run.segments]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or not 1 <= len(run.steps) <= run.L + 1:
        raise ValueError("a run has no beginning")
    if starts[-1] >= len(run.steps) or any((s.index, s.t) != (i, run.L - i) for i, s in enumerate(run.steps)):
        raise ValueError("steps are missing")


def check_fits(session: SessionFile, facts: ModelFacts) -> None:
    """Raises ModelError where the arrays are not those of the model."""
    fits = not (session.chains if facts.family != "chain" else session.runs)
    for run in session.runs:
        shape = (run.segments[0].request.count, *facts.shape)
        for step in run.steps:
            arrays = (step.x, step.output, step.x0, step.variance_fraction)
            fits = fits and all(array is None or array.shape == shape for array in arrays)
    for chain in session.chains if fits else ():
        count = chain.segments[0].request.count
        fits = fits and len(facts.levels) == chain.L
        for level in chain.steps if fits else ():
            size = (count, facts.levels[max(level.t, 1) - 1])
            fits = fits and all(array.shape == size for array in (level.z, level.mean, level.log_std))
            fits = fits and (level.x is None or level.x.shape == (count, *facts.shape))
    if not fits:
        raise ModelError(f"The session was saved with another model than the one now at {facts.path}.")
