"""What all tests share: the wheel that they test, and the misbehaving server."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import holdoff

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def pytest_sessionstart() -> None:
    """Refuse to test the source tree in place of the installed wheel."""
    if Path(holdoff.__file__).is_relative_to(ROOT / "python"):
        pytest.exit(f"{holdoff.__file__} is not the installed wheel", returncode=1)


class Server:
    """The paths of tests/faults/scenario.json for one test, counted apart from all others."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._prefix = f"/~{key}"

    def url(self, path: str) -> str:
        return f"{self._address}{self._prefix}{path}"

    def requests(self, path: str) -> list[dict[str, Any]]:
        """What the server saw of this path, in order."""
        log = f"{self._address}/__log?path={self._prefix}{path}"
        with urllib.request.urlopen(log) as response:
            requests: list[dict[str, Any]] = json.load(response)
        return requests


@contextmanager
def serving(scenario: Path) -> Iterator[str]:
    """The address of a server that misbehaves as a scenario says."""
    program = os.environ.get("HOLDOFF_FAULTS", str(ROOT / "target/debug/holdoff-faults"))
    with subprocess.Popen(
        [program, "--scenario", str(scenario), "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().removeprefix("listening on ").strip()


@pytest.fixture(scope="session")
def faults() -> Iterator[str]:
    """The address of the misbehaving server."""
    with serving(ROOT / "tests/faults/scenario.json") as address:
        yield address


_keys = (f"python-{number}" for number in itertools.count())


@pytest.fixture
def server(faults: str) -> Server:
    """Every path of the scenario at its first step."""
    return Server(faults, next(_keys))
