"""Which run is shown beside the one on show, and what of both."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from explorer.engine.frame import LensSpec, Seen
from explorer.ui.branch_tree import BranchTree
from explorer.ui.controls import combo
from explorer.ui.session import COMPARED_LENSES, Session
from explorer.ui.short_text import plain
from explorer.ui.tiles import Tiles

COLUMNS = 3
"""A, B and A − B."""
LATENT_COMPARED = ("z_t", "decoded")


class CompareBar(QWidget):
    """Two lists in the timeline; seen where there is more than one run."""

    def __init__(self, session: Session, tree: BranchTree, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._tree = session, tree
        self._offered: tuple[tuple[str, int | None], ...] = ()
        self._runs = combo(
            "compareCombo", "Compare with", "Another run beside this one, at the same time: A, B, A − B", 10
        )
        self._lenses = combo("compareLensCombo", "What is compared", "The lens through which both runs are seen", 6)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._runs)
        layout.addWidget(self._lenses)
        self._runs.currentIndexChanged.connect(lambda _: session.compare(self._runs.currentData()))
        self._lenses.currentIndexChanged.connect(self._choose_lenses)
        tree.compareChosen.connect(session.compare)
        session.runChanged.connect(self._show)
        session.stateChanged.connect(self._show)
        self.hide()

    def set_lenses(self, lenses: Sequence[LensSpec], kind: str) -> None:
        """The lenses of a model of a kind."""
        with QSignalBlocker(self._lenses):
            self._lenses.clear()
            both = LATENT_COMPARED if kind == "chain" else COMPARED_LENSES
            self._lenses.addItem("zₜ and x̂" if kind == "chain" else "xₜ and x̂₀", " ".join(both))
            for lens in lenses:
                if kind in lens.kinds:
                    self._lenses.addItem(plain(lens.label), lens.name)
        self._session.compared_lenses = both

    def _choose_lenses(self) -> None:
        self._session.set_compared_lenses(tuple(str(self._lenses.currentData()).split()))

    def _show(self) -> None:
        session = self._session
        others = [run for run in session.family if run is not session.run and run.made]
        possible = session.state.source == "reverse" and bool(others)
        self.setVisible(session.second is None and possible)
        if not possible:
            return
        self._lenses.setVisible(session.comparing)
        offered = (("Compare with…", None), *((self._tree.words(run), run.number) for run in others))
        with QSignalBlocker(self._runs):
            if offered != self._offered:
                self._offered = offered
                self._runs.clear()
                for words, number in offered:  # the tree says the rest of each
                    self._runs.addItem(words if number is None else f"B: run {number}", number)
                    self._runs.setItemData(self._runs.count() - 1, words, Qt.ItemDataRole.ToolTipRole)
            self._runs.setCurrentIndex(max(self._runs.findData(session.compared if session.comparing else None), 0))


def compared_specs(lenses: Sequence[LensSpec], names: Sequence[str], kind: str) -> list[LensSpec]:
    """The tiles of a comparison: A, B and A − B of each lens."""
    specs = []
    for lens in lenses:
        if lens.name in names and kind in lens.kinds:
            for suffix, label in (
                ("", f"A &nbsp;{lens.label}"),
                (":b", f"B &nbsp;{lens.label}"),
                (":difference", "A − B"),
            ):
                words = "" if suffix == ":difference" else lens.words
                specs.append(LensSpec(lens.name + suffix, label, lens.formula, lens.kinds, words=words))
    return specs


def name_tiles(tiles: Tiles, seen: Seen) -> None:
    """Say in the headers which run and step each tile shows; which model, the bar above them does."""
    if seen.second:
        for name in tiles.names():
            place = "its own run" if seen.second_own and name.endswith(":b") else ""
            tiles.set_formula(name, " " if name.endswith(":difference") else place)
        return
    if seen.against is None or seen.run is None:
        for name in tiles.names():
            if name != "x_t":
                tiles.set_formula(name, "")
        return
    run, step, t = seen.against
    for name in tiles.names():
        if name.endswith(":b"):
            tiles.set_formula(name, f"run {run}, step {step}, t = {t}")
        elif name.endswith(":difference"):
            tiles.set_formula(name, " ")  # all room is for the r.m.s.
        else:
            tiles.set_formula(name, f"run {seen.run}, step {seen.step}, t = {seen.t}")
