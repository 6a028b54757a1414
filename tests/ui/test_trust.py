"""A model that is a program: a strip asks, and nothing of it runs before the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from explorer.formats import trust
from explorer.ui.trust import TrustStrip

if TYPE_CHECKING:
    from tests.ui.hand import Hand, MakeHand

ADAPTER = """
FACTS = {{"shape": [1, 4, 4], "schedule": {{"name": "cosine"}}, "T": 20}}
open({marker!r}, "w").close()

import torch


def load(folder):
    class Network(torch.nn.Module):
        def forward(self, x, time):
            return 0.1 * x

    return Network()
"""


@pytest.fixture(autouse=True)
def nothing_agreed() -> Iterator[None]:
    trust.forget()
    yield
    trust.forget()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    (tmp_path / "adapter.py").write_text(ADAPTER.format(marker=str(tmp_path / "marker")), encoding="utf-8")
    return tmp_path


def strips(hand: Hand) -> list[TrustStrip]:
    return [strip for strip in hand.window.findChildren(TrustStrip) if not strip.isHidden()]


def test_a_program_is_opened_when_the_user_says_so(make_hand: MakeHand, adapter: Path) -> None:
    hand = make_hand()
    hand.session.open(str(adapter))
    hand.settle()
    hand.session.open(str(adapter))
    hand.settle()
    assert len(strips(hand)) == 1
    hand.click("refuseButton")
    assert strips(hand) == []
    assert not (adapter / "marker").exists()
    hand.session.open(str(adapter))
    hand.settle()
    hand.click("trustButton")
    hand.until(lambda: hand.session.facts is not None)
    hand.settle()
    assert (adapter / "marker").exists()
    assert strips(hand) == []
    # The answer is remembered for this content, and for no other.
    trust.forget()
    hand.session.open(str(adapter))
    hand.settle()
    hand.settle()
    assert strips(hand) == []
    file = adapter / "adapter.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    hand.session.open(str(adapter))
    hand.settle()
    assert len(strips(hand)) == 1
