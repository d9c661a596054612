"""The wheel as it is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import files, metadata
from importlib.resources import files as resources
from inspect import isclass, isfunction, ismodule

import holdoff


def test_every_public_name_is_there_and_documented() -> None:
    public = {
        name
        for name, value in vars(holdoff).items()
        if not name.startswith("_") and not ismodule(value)
    }
    assert set(holdoff.__all__) == public
    for name in holdoff.__all__:
        value = vars(holdoff)[name]
        assert value.__doc__ or not (isclass(value) or isfunction(value)), name


def test_it_is_typed_and_brings_nothing_along() -> None:
    assert resources("holdoff").joinpath("py.typed").is_file()
    needed = metadata("holdoff").get_all("Requires-Dist") or []
    assert [requirement for requirement in needed if "extra ==" not in requirement] == []


def test_the_licences_are_in_the_wheel() -> None:
    names = {path.name for path in files("holdoff") or []}
    assert {"LICENSE-APACHE", "LICENSE-MIT"} <= names


def test_importing_it_imports_no_http_client_and_no_event_loop() -> None:
    code = "import sys, holdoff; print(*sys.modules)"
    run = [sys.executable, "-I", "-c", code]
    loaded = set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    assert "holdoff" in loaded
    assert not loaded & {
        "asyncio",
        "trio",
        "httpx",
        "requests",
        "urllib3",
        "aiohttp",
        "http.client",
        "redis",
    }
