"""The tiny models, written once, and how the command line refuses."""

from __future__ import annotations

import pytest

from explorer.cli import main
from tests.cli.running import Refuse
from tests.engine.models import (
    write_pictures,
    write_points,
)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A class-conditional model of pictures; not to be changed."""
    return str(write_pictures(tmp_path_factory.mktemp("models") / "pictures"))


@pytest.fixture(scope="session")
def points(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The exact model of a mixture; not to be changed."""
    return str(write_points(tmp_path_factory.mktemp("models") / "points"))


@pytest.fixture(params=["pictures", "points"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Refuse:
    """refused(*arguments) → the one line that the command line refuses them with."""

    def check(*arguments: object) -> str:
        capfd.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert "Traceback" not in err
        assert len(err) < 700
        return err

    return check
