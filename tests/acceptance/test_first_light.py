"""The first journey of a new user, on the models that are shipped: open one, drag its timestep, run it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyqtgraph as pg
import pytest
import torch
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QDoubleSpinBox, QLabel, QSpinBox
from pytestqt.qtbot import QtBot

from explorer.paths import CHECKPOINTS
from explorer.training.folder import read_classifier
from explorer.ui.banner import ErrorBanner
from explorer.ui.gallery import ModelCard, shipped_models
from explorer.ui.time_slider import TimeSlider
from explorer.ui.window import MainWindow

MODELS = ("digits", "faces", "mixture")
SHAPES: dict[str, tuple[int, ...]] = {"digits": (1, 1, 28, 28), "faces": (1, 3, 16, 16), "mixture": (5000, 2)}
LENSES = ("x_t", "x0", "eps", "score")
W = TypeVar("W", bound=QObject)


class User:
    """Someone in front of the window, who remembers what each picture showed."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.window = MainWindow()
        self.seen: list[tuple[Any, dict[str, NDArray[np.float32]]]] = []
        self.window.session.seen.connect(lambda seen: self.seen.append((seen, self.shown())))
        self.window.show()
        qtbot.waitExposed(self.window)
        self.window.activateWindow()

    def find(self, kind: type[W], name: str) -> W:
        (found,) = self.window.findChildren(kind, name)
        return found

    def until(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=240_000)  # the machine may be busy with other things

    def settle(self) -> None:
        self.until(lambda: not self.window.busy)

    def shown(self) -> dict[str, NDArray[np.float32]]:
        return {lens: self.window.tile(lens).data().copy() for lens in LENSES}

    def open(self, name: str) -> None:
        """Click on the gallery's card."""
        title = next(model.title for model in shipped_models() if model.path.name == name)
        card = next(c for c in self.window.findChildren(ModelCard) if c.accessibleName() == f"Open {title}")
        QTest.mouseClick(card, Qt.MouseButton.LeftButton)
        self.settle()

    def key(self, key: Qt.Key) -> None:
        handle: Any = self.window.windowHandle()
        QTest.keyClick(handle, key)

    def click(self, name: str) -> None:
        button = self.find(QAbstractButton, name)
        assert button.isEnabled()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def type_into(self, kind: type[QSpinBox] | type[QDoubleSpinBox], name: str, text: str) -> None:
        spin = self.find(kind, name)
        assert spin.isEnabled()
        spin.setFocus()
        spin.selectAll()
        QTest.keyClicks(spin, text)
        QTest.keyClick(spin, Qt.Key.Key_Return)

    def choose(self, name: str, data: object) -> None:
        combo = self.find(QComboBox, name)
        assert combo.isEnabled()
        wanted = combo.findData(data)
        assert wanted >= 0
        combo.setFocus()
        while combo.currentIndex() != wanted:
            QTest.keyClick(combo, Qt.Key.Key_Down if combo.currentIndex() < wanted else Qt.Key.Key_Up)
        self.settle()

    def place(self, t: int) -> QPoint:
        return QPoint(round(self.slider.x_of(t)), 14)

    @property
    def slider(self) -> TimeSlider:
        return self.find(TimeSlider, "timestepSlider")

    @property
    def banner(self) -> str:
        return self.find(ErrorBanner, "errorBanner").text()


@pytest.fixture
def user(qtbot: QtBot) -> Iterator[User]:
    user = User(qtbot)
    yield user
    for plot in user.window.findChildren(pg.PlotWidget):
        plot.getPlotItem().ctrlMenu.deleteLater()  # pyqtgraph gives it no parent to be deleted with
    user.window.close()
    user.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def bits(shown: dict[str, NDArray[np.float32]]) -> dict[str, bytes]:
    return {lens: data.tobytes() for lens, data in shown.items()}


def truth() -> dict[str, NDArray[np.float64]]:
    """The mixture's, from its own configuration."""
    configuration = json.loads((CHECKPOINTS / "mixture" / "config.json").read_text(encoding="utf-8"))
    return {key: np.array(value, np.float64) for key, value in configuration["truth"].items()}


def test_the_gallery_offers_the_shipped_models_with_a_picture_and_a_few_words(user: User) -> None:
    user.settle()
    names = [model.path.name for model in shipped_models()]
    assert set(MODELS) <= set(names)
    for model in shipped_models():
        assert model.title
        assert len(model.summary) > 40
        assert model.picture is not None, model.title
    for card in user.window.findChildren(ModelCard):
        assert card.isVisible()
        pictures = [label.pixmap() for label in card.findChildren(QLabel) if not label.pixmap().isNull()]
        assert len(pictures) == 1
        assert min(pictures[0].width(), pictures[0].height()) >= 100


@pytest.mark.parametrize("name", MODELS)
def test_dragging_the_timestep_shows_what_the_model_says(user: User, name: str) -> None:
    user.open(name)
    assert user.banner == ""
    assert user.find(QLabel, "statusMessage").text() == ""
    facts = user.window.session.facts
    assert facts is not None
    assert facts.T == user.slider.maximum() == 1000
    assert all(data.shape == SHAPES[name] for data in user.shown().values())
    QTest.mousePress(user.slider, Qt.MouseButton.LeftButton, pos=user.place(0))
    user.settle()
    way = (0, 250, 500, 750, 1000)
    at: dict[int, dict[str, bytes]] = {}
    for place in (*way, *reversed(way)):
        QTest.mouseMove(user.slider, user.place(place))
        user.settle()
        assert user.slider.isSliderDown()
        seen, shown = user.seen[-1]
        t = seen.t
        assert abs(t - place) <= 1
        assert t == user.slider.value() == user.find(QSpinBox, "timestepSpin").value() == user.window.state.t
        assert at.setdefault(t, bits(shown)) == bits(shown), "the way back shows the same"
        if 0 < t < 1000:
            x_t, x0, eps, score = (shown[lens].astype(np.float64) for lens in LENSES)
            assert np.allclose(seen.a * x0 + seen.s * eps, x_t, atol=1e-3)
            assert np.allclose(score, -eps / seen.s, rtol=1e-3, atol=1e-4)
    QTest.mouseRelease(user.slider, Qt.MouseButton.LeftButton, pos=user.place(0))
    assert len(at) == 5
    for lens in LENSES:
        assert len({shown[lens] for shown in at.values()}) == 5, lens


@pytest.mark.parametrize("name", ["digits", "faces"])
def test_the_model_sees_through_noise(user: User, name: str) -> None:
    """x̂₀ is nearer to the truth than x_t by far, and ε̂ is most of ε."""
    user.open(name)
    user.type_into(QSpinBox, "countSpin", "16")
    user.type_into(QSpinBox, "timestepSpin", "0")
    user.settle()
    x_0 = user.shown()["x_t"]
    user.type_into(QSpinBox, "timestepSpin", "300")
    user.settle()
    seen, shown = user.seen[-1]
    eps = (shown["x_t"] - seen.a * x_0) / seen.s
    assert np.sqrt(np.mean((shown["x0"] - x_0) ** 2)) < 0.4 * np.sqrt(np.mean((shown["x_t"] - x_0) ** 2))
    assert np.mean((shown["eps"] - eps) ** 2) < 0.2


@pytest.mark.parametrize("name", MODELS)
def test_a_ddim_run_goes_to_the_data_and_back_and_can_be_had_again(user: User, name: str) -> None:
    user.open(name)
    if name == "mixture":
        user.type_into(QSpinBox, "countSpin", "1000")
    user.choose("sourceCombo", "reverse")
    x_T = user.shown()
    user.seen.clear()
    user.click("playButton")
    user.settle()
    state, run = user.window.state, user.window.session.run
    assert (state.t, state.step, state.steps) == (0, 50, 50)
    assert run is not None
    assert run.finished
    last = user.shown()
    on_the_way = {seen.step: shown for seen, shown in user.seen if seen.run is not None}
    user.slider.setFocus()
    user.seen.clear()
    for step in range(49, 44, -1):
        user.key(Qt.Key.Key_Left)
        user.settle()
        assert user.window.state.step == step
        if step in on_the_way:
            assert bits(on_the_way[step]) == bits(user.shown())
    assert all(seen.network_calls == 0 for seen, _ in user.seen if not hasattr(seen.tiles["score"], "grid"))
    user.click("resetButton")
    user.settle()
    assert bits(x_T) == bits(user.shown())
    user.click("playButton")
    user.settle()
    assert bits(last) == bits(user.shown())
    assert user.banner == ""


def test_digits_are_what_their_label_says(user: User) -> None:
    """With nothing chosen but the label."""
    user.open("digits")
    user.choose("sourceCombo", "reverse")
    user.type_into(QSpinBox, "countSpin", "8")
    user.choose("labelCombo", 3)
    state = user.window.state
    assert (state.sampler, state.steps, state.guidance_scale) == ("ddim", 50, 2.0)
    user.click("playButton")
    user.settle()
    assert user.window.state.t == 0
    judge = read_classifier(CHECKPOINTS / "digits-classifier", "cpu")
    with torch.no_grad():
        found = judge(torch.from_numpy(user.shown()["x_t"])).argmax(1)
    assert (found == 3).sum() >= 7, found


def test_faces_are_as_colourful_as_the_data(user: User) -> None:
    user.open("faces")
    user.type_into(QSpinBox, "countSpin", "16")
    user.type_into(QSpinBox, "timestepSpin", "0")
    user.settle()
    data = user.shown()["x_t"]
    user.type_into(QSpinBox, "stepsSpin", "20")
    user.choose("sourceCombo", "reverse")
    user.click("playButton")
    user.settle()
    made = user.shown()["x_t"]
    assert made.shape == data.shape
    assert abs(made.mean() - data.mean()) < 0.35
    assert 0.6 < made.std() / data.std() < 1.6
    assert len({picture.tobytes() for picture in made}) == 16


def test_the_mixture_arrives_at_the_right_shares(user: User) -> None:
    user.open("mixture")
    user.choose("sourceCombo", "reverse")
    user.click("playButton")
    user.settle()
    points, known = user.shown()["x_t"].astype(np.float64), truth()
    # The likeliest component of each point.
    scores = []
    for weight, mean, covariance in zip(known["weights"], known["means"], known["covariances"], strict=True):
        d = points - mean
        square = np.einsum("ni,ij,nj->n", d, np.linalg.inv(covariance), d)
        scores.append(np.log(weight) - 0.5 * square - 0.5 * np.log(np.linalg.det(covariance)))
    shares = np.bincount(np.argmax(scores, axis=0), minlength=3) / len(points)
    assert shares == pytest.approx(known["weights"], abs=0.03)


def test_the_mixture_s_score_is_the_true_one(user: User) -> None:
    user.open("mixture")
    known = truth()
    for t in (200, 500, 900):
        user.type_into(QSpinBox, "timestepSpin", str(t))
        user.settle()
        seen, shown = user.seen[-1]
        x = shown["x_t"].astype(np.float64)
        density, slope = np.zeros(len(x)), np.zeros_like(x)
        for weight, mean, covariance in zip(known["weights"], known["means"], known["covariances"], strict=True):
            spread = seen.a**2 * covariance + seen.s**2 * np.eye(2)
            d = x - seen.a * mean
            pull = d @ np.linalg.inv(spread)
            p = weight * np.exp(-0.5 * np.sum(pull * d, axis=1)) / np.sqrt(np.linalg.det(spread))
            density += p
            slope -= p[:, None] * pull
        exact = slope / density[:, None]
        assert np.linalg.norm(shown["score"] - exact) < 0.08 * np.linalg.norm(exact), t


def test_annealed_langevin_listens_while_it_runs(user: User) -> None:
    user.open("mixture")
    user.choose("sourceCombo", "reverse")
    user.choose("samplerCombo", "annealed_langevin")
    user.type_into(QSpinBox, "stepsSpin", "5")
    user.settle()
    user.find(QComboBox, "speedCombo").setCurrentText("5 steps/s")
    user.seen.clear()
    user.click("playButton")
    user.until(lambda: user.window.state.step >= 3)
    user.type_into(QDoubleSpinBox, "sampler:step_size", "0")
    changed_at = user.window.state.step
    user.until(lambda: user.window.state.step >= changed_at + 5)
    assert user.window.session.playing
    frames = {seen.step: (seen, shown["x_t"]) for seen, shown in user.seen if seen.run is not None}
    moved = {
        b: not np.array_equal(frames[a][1], frames[b][1])
        for a, b in pairwise(sorted(frames))
        if b == a + 1 and frames[a][0].t == frames[b][0].t
    }
    assert any(b <= changed_at for b in moved)
    assert all(moved[b] for b in moved if b <= changed_at)
    assert any(b > changed_at + 1 for b in moved)
    assert not any(moved[b] for b in moved if b > changed_at + 1), "a step of size 0 moves nothing"
    user.type_into(QSpinBox, "sampler:steps_per_level", "3")
    user.type_into(QDoubleSpinBox, "sampler:step_size", "0.3")
    user.find(QComboBox, "speedCombo").setCurrentText("Full speed")
    user.settle()
    assert user.window.state.t == 0
    assert user.banner == ""
    assert np.isfinite(user.shown()["x_t"]).all()
    assert QApplication.activeModalWidget() is None
