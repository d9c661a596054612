"""A real redis-server of a test's own, which can be killed and started again."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis

if TYPE_CHECKING:
    from pathlib import Path


class Store:
    """A server that keeps nothing on disk, at a port that stays the same."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("redis-server isn't on the PATH; Debian: `apt install redis-server`")
        self._program = program
        self._folder = folder
        self.port = free_port()
        self.start()

    def start(self) -> None:
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "dir": self._folder}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([self._program, *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.client().ping()
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "redis-server doesn't answer"
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """As `kill -9` does."""
        self._process.kill()
        self._process.wait()

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)

    def state(self, key: str = "holdoff:api") -> Any:
        """What is kept."""
        return json.loads(self.client().get(key) or "null")

    def asked(self) -> int:
        """How often the script was run."""
        stats = self.client().info("commandstats")
        return int(stats.get("cmdstat_eval", {}).get("calls", 0))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
