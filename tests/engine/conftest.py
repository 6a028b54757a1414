"""The tiny models, written once, and an engine for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.models import write_pictures, write_points

if TYPE_CHECKING:
    from explorer.engine.engine import Engine
    from tests.engine.worker_bench import Bench


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A class-conditional model of pictures; not to be changed."""
    return str(write_pictures(tmp_path_factory.mktemp("models") / "pictures"))


@pytest.fixture(scope="session")
def plain_pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same without labels; not to be changed."""
    return str(write_pictures(tmp_path_factory.mktemp("models") / "plain", "v_prediction", classes=0))


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The exact model of a mixture; not to be changed."""
    return str(write_points(tmp_path_factory.mktemp("models") / "points"))


@pytest.fixture(scope="session")
def learned_points(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network of points; not to be changed."""
    return str(write_points(tmp_path_factory.mktemp("models") / "learned", "mlp"))


@pytest.fixture(params=["pictures", "points"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def engine() -> Engine:
    from explorer.engine.engine import Engine

    return Engine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place for a model of the test's own."""
    return tmp_path / "model"


@pytest.fixture
def bench() -> Iterator[Bench]:
    from tests.engine.worker_bench import READY, Bench

    bench = Bench()
    bench.worker.start()
    first = bench.next()
    assert (first.job, first.frame, first.last) == (0, READY, True)
    yield bench
    bench.let(1000)
    bench.worker.close()
