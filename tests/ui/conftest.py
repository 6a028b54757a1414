"""Tiny models on disk, and a hand that works the window as a person does: with mouse and keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import QCoreApplication, QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDoubleSpinBox, QLabel, QSpinBox
from pytestqt.qtbot import QtBot

from explorer.state import State
from explorer.training.card import write_card, write_samples
from explorer.ui import theme
from explorer.ui.banner import ErrorBanner
from explorer.ui.curves import Curves
from explorer.ui.filmstrip import Filmstrip
from explorer.ui.session import Session
from explorer.ui.tiles import Tiles
from explorer.ui.time_plot import TimePlot
from explorer.ui.time_slider import TimeSlider
from explorer.ui.window import MainWindow

T = 100
"""Of the tiny picture model."""
SIDE = 8
SAMPLES = 20
CLASSES = ("ring", "cross", "bar")
PATIENCE_MS = 60_000
"""Not a measure of speed: the machine that runs the tests may be busy with other things."""

Arrays = dict[str, NDArray[np.float32]]
W = TypeVar("W", bound=QObject)


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture model as diffusers writes it: 8×8 grey, three classes and a null label, with samples and a card.

    Its weights are random, with which everything but the beauty of the pictures works as ever.
    """
    import torch
    from diffusers.models.unets.unet_2d import UNet2DModel

    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    UNet2DModel(
        sample_size=SIDE,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8,),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        num_class_embeds=len(CLASSES) + 1,
    ).save_pretrained(folder / "unet")
    (folder / "scheduler").mkdir()
    scheduler = {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": T,
        "beta_schedule": "squaredcos_cap_v2",
        "prediction_type": "epsilon",
        "clip_sample": True,
    }
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    pictures = np.random.default_rng(0).integers(0, 256, (SAMPLES, SIDE, SIDE, 1), np.uint8)
    sheet = write_samples(folder, pictures, columns=5)
    labels = [i % len(CLASSES) for i in range(SAMPLES)]
    card = {"title": "Tiny", "class_names": list(CLASSES), "null_label": len(CLASSES)}
    write_card(folder, {**card, "summary": "Noise.", "samples": {**sheet, "labels": labels}})
    return folder


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exact mixture in the plane, which needs no network."""
    folder = tmp_path_factory.mktemp("models") / "plane"
    folder.mkdir()
    truth = {
        "weights": [0.5, 0.5],
        "means": [[-1.0, 0.0], [1.0, 0.5]],
        "covariances": [[[0.1, 0.0], [0.0, 0.1]], [[0.2, 0.05], [0.05, 0.1]]],
    }
    configuration = {
        "format": "diffusion-explorer",
        "network": "exact",
        "schedule": {"name": "cosine", "T": 50},
        "kind": "points",
        "shape": [2],
        "truth": truth,
        "samples": {"count": 300, "seed": 1},
    }
    write_json(folder / "config.json", configuration)
    return folder


class Hand:
    """Works a MainWindow. `frames` holds what the tiles showed at each Seen that was drawn, copied."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot = qtbot
        self.window = window
        self.frames: list[tuple[Any, Arrays]] = []
        self.sentences: list[str] = []
        window.session.seen.connect(self._keep)
        window.session.failed.connect(self.sentences.append)

    def let_go(self) -> None:
        """Look no longer at what the window does."""
        self.session.seen.disconnect(self._keep)
        self.session.failed.disconnect(self.sentences.append)

    def _keep(self, seen: Any) -> None:
        self.frames.append((seen, self.shown()))

    # Finding

    @property
    def session(self) -> Session:
        return self.window.session

    def find(self, kind: type[W], name: str = "") -> W:
        """The one child of a type and object name; unlike findChild, never None."""
        children = self.window.findChildren(kind, name) if name else self.window.findChildren(kind)
        assert len(children) == 1, f"{len(children)} of {kind.__name__} {name!r}"
        return children[0]

    def spin(self, name: str) -> QSpinBox:
        return self.find(QSpinBox, name)

    def decimal(self, name: str) -> QDoubleSpinBox:
        return self.find(QDoubleSpinBox, name)

    def combo(self, name: str) -> QComboBox:
        return self.find(QComboBox, name)

    def button(self, name: str) -> QAbstractButton:
        return self.find(QAbstractButton, name)

    @property
    def slider(self) -> TimeSlider:
        return self.find(TimeSlider, "timestepSlider")

    @property
    def banner(self) -> ErrorBanner:
        return self.find(ErrorBanner, "errorBanner")

    @property
    def status(self) -> str:
        return self.find(QLabel, "statusMessage").text()

    @property
    def strip(self) -> Filmstrip:
        return self.find(Filmstrip, "filmstrip")

    def plot(self, name: str) -> TimePlot:
        """`schedulePlot`, `snrPlot` or `statisticsPlot` with its cursor and title."""
        curves = self.find(Curves)
        return next(p for p in (curves.schedule, curves.snr, curves.statistics) if p.plot.objectName() == name)

    def cursor(self, name: str) -> int:
        """Where a plot's cursor is."""
        return self.plot(name).time()

    def data(self, lens: str) -> NDArray[np.float32]:
        """A copy of what a tile shows."""
        return self.window.tile(lens).data().copy()

    def shown(self) -> Arrays:
        return {lens: self.data(lens) for lens in self.find(Tiles).names()}

    # Waiting

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=PATIENCE_MS)

    def settle(self) -> None:
        """Wait until everything asked for is on show."""
        self.until(lambda: not self.window.busy)

    # Acting

    def click(self, name: str) -> None:
        button = self.button(name)
        assert button.isEnabled(), f"{name} is disabled"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def key(
        self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, window: object = None
    ) -> None:
        """Press and release a key as the window system reports it: Qt finds the focused widget or the shortcut."""
        target = window or self.window.windowHandle()
        assert isinstance(target, QWindow)
        QTest.keyClick(target, key, modifier)

    def type_into(self, spin: QSpinBox | QDoubleSpinBox, text: str) -> None:
        """Replace the number in a spin box by typing, and press Return."""
        assert spin.isEnabled(), f"{spin.objectName()} is disabled"
        spin.setFocus()
        spin.selectAll()
        QTest.keyClicks(spin, text)
        QTest.keyClick(spin, Qt.Key.Key_Return)

    def choose(self, combo: QComboBox, data: object) -> None:
        """Go through a closed list with the arrow keys until the entry of this data is reached."""
        assert combo.isEnabled(), f"{combo.objectName()} is disabled"
        wanted = combo.findData(data)
        assert wanted >= 0, data
        combo.setFocus()
        while combo.currentIndex() != wanted:
            step = Qt.Key.Key_Down if combo.currentIndex() < wanted else Qt.Key.Key_Up
            QTest.keyClick(combo, step)

    def reverse(self) -> None:
        """Follow a reverse run, and see x_T."""
        self.choose(self.combo("sourceCombo"), "reverse")
        self.settle()

    def play_to_end(self) -> None:
        self.click("playButton")
        self.until(lambda: not self.session.playing and not self.window.busy)

    def place(self, t: int) -> QPoint:
        """Where t is on the slider."""
        return QPoint(round(self.slider.x_of(t)), 14)

    def drag_slider(self, *times: int) -> None:
        """Press at the first time, move over the others, release."""
        QTest.mousePress(self.slider, Qt.MouseButton.LeftButton, pos=self.place(times[0]))
        for t in times[1:]:
            QTest.mouseMove(self.slider, self.place(t))
        QTest.mouseRelease(self.slider, Qt.MouseButton.LeftButton, pos=self.place(times[-1]))

    def drop(self, *paths: Path | str, text: str = "") -> tuple[bool, bool]:
        """Drop files on the window; whether it accepted the drag, and the drop."""
        mime = QMimeData()
        if paths:
            mime.setUrls([QUrl(path) if isinstance(path, str) else QUrl.fromLocalFile(str(path)) for path in paths])
        if text:
            mime.setText(text)
        middle, copy = self.window.rect().center(), Qt.DropAction.CopyAction
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(middle, copy, mime, left, none)
        enter.ignore()
        QApplication.sendEvent(self.window, enter)
        if not enter.isAccepted():
            return False, False
        drop = QDropEvent(QPointF(middle), copy, mime, left, none)
        drop.ignore()
        QApplication.sendEvent(self.window, drop)
        return True, drop.isAccepted()


MakeHand = Callable[..., Hand]


def wait_for(window: MainWindow) -> None:
    """Until everything asked for is on show, where no qtbot is at hand."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while window.busy:
        assert time.monotonic() < deadline, "the window stays busy"
        QTest.qWait(1)


def let_go(*windows: MainWindow) -> None:
    """Close and delete. Were they there when a test is over, a hunt for reference cycles would follow."""
    for window in windows:
        for plot in window.findChildren(pg.PlotWidget):
            plot.getPlotItem().ctrlMenu.deleteLater()  # pyqtgraph gives it no parent to be deleted with
        window.close()
        window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


class SharedWindow:
    """One window for all tests that leave it usable: a new one takes two seconds of work.

    It goes when a module has no use for it, lest it takes the keyboard from other widgets.
    """

    def __init__(self) -> None:
        self._window: MainWindow | None = None
        self._user = ""

    def get(self, module: str, path: Path) -> MainWindow:
        """For all tests of a module. path: what a new one opens."""
        self._user = module
        if self._window is None:
            self._window = MainWindow(str(path))
            self._window.show()
            wait_for(self._window)
        return self._window

    def leave_to(self, module: str) -> None:
        """Gone, unless it is this module's own."""
        if self._window is not None and self._user != module:
            let_go(self._window)
            self._window = None


@pytest.fixture(scope="session")
def shared() -> Iterator[SharedWindow]:
    shared = SharedWindow()
    yield shared
    shared.leave_to("")


@pytest.fixture(scope="module")
def shared_window(qapp: QApplication, shared: SharedWindow, tiny: Path, request: pytest.FixtureRequest) -> MainWindow:
    return shared.get(request.node.nodeid, tiny)


@pytest.fixture(autouse=True)
def no_window_of_others(shared: SharedWindow, request: pytest.FixtureRequest) -> None:
    if "shared_window" not in request.fixturenames:
        shared.leave_to(request.node.getparent(pytest.Module).nodeid)


@pytest.fixture
def make_hand(qtbot: QtBot) -> Iterator[MakeHand]:
    """make_hand(path=None, settled=True) → a Hand on a new window, which is shown and, if wanted, done opening."""
    windows: list[MainWindow] = []

    def make(path: Path | str | None = None, settled: bool = True) -> Hand:
        window = MainWindow(None if path is None else str(path))
        windows.append(window)
        hand = Hand(qtbot, window)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        if settled:
            hand.settle()
        return hand

    yield make
    let_go(*windows)


def as_new(window: MainWindow, path: Path) -> None:
    """Bring a window into the state in which it opens a model."""
    session = window.session
    session.pause()
    session.compare_model(None)
    if theme.current().name != "dark":
        window.toggle_theme()
    window.resize(1360, 840)
    window.reset_zoom()
    for name in ("loopButton", "reversePlayButton"):
        window.findChild(QAbstractButton, name).setChecked(False)  # type: ignore[union-attr]
    window.findChild(ErrorBanner, "errorBanner").clear()  # type: ignore[union-attr]
    for name in ("speedCombo", "scaleCombo"):
        combo = window.findChild(QComboBox, name)
        assert isinstance(combo, QComboBox)
        combo.setCurrentIndex(combo.findText("full speed") if name == "speedCombo" else 0)
    facts = session.facts
    if facts is None or facts.path != str(path) or not window.tile("x_t").isVisible():
        window.open(str(path))
        wait_for(window)
        facts = session.facts
        assert facts is not None
    image = facts.kind == "image"
    first = State(
        model=facts.path,
        t=round(0.4 * facts.T),
        count=1 if image else facts.sample_count,
        guidance_scale=2.0 if facts.guidable else 1.0,
        steps=min(50, facts.T),
    )
    session.change(t=0, source="forward", sampler=first.sampler)
    session.change(**{name: value for name, value in vars(first).items() if name not in ("model", "device")})
    wait_for(window)
    session.forget_runs()
    assert window.state == first
    window.activateWindow()
    if (focus := QApplication.focusWidget()) is not None:
        focus.clearFocus()


@pytest.fixture
def hand(qtbot: QtBot, shared_window: MainWindow, tiny: Path) -> Iterator[Hand]:
    """A window with the tiny picture model open, t = 40. It may not be closed."""
    hand = Hand(qtbot, shared_window)
    as_new(shared_window, tiny)
    assert hand.data("x_t").shape == (1, 1, SIDE, SIDE)
    yield hand
    hand.let_go()


@pytest.fixture
def reverse(hand: Hand) -> Hand:
    """The tiny model with a reverse run of 12 DDIM steps chosen, x_T on show."""
    hand.type_into(hand.spin("stepsSpin"), "12")
    hand.reverse()
    hand.frames.clear()
    return hand


@pytest.fixture
def plane_hand(qtbot: QtBot, shared_window: MainWindow, plane: Path) -> Iterator[Hand]:
    """A window with the exact mixture open. It may not be closed."""
    hand = Hand(qtbot, shared_window)
    as_new(shared_window, plane)
    assert hand.data("x_t").shape == (300, 2)
    yield hand
    hand.let_go()


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    """A grey ramp, larger than the model's pictures."""
    file = tmp_path / "ramp.png"
    Image.fromarray(np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1))).save(file)
    return file
