"""The files and the command that the tests of this folder are about."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VECTORS = sorted((ROOT / "tests" / "vectors").glob("*.json"))
SCHEMA = ROOT / "core" / "src" / "policy" / "schema.json"
PRESETS = sorted((ROOT / "core" / "src" / "presets").rglob("*.json"))


def read(path):
    return json.loads(path.read_text())


def cases(kind):
    """Every case of this kind by its id, `<file>/<name>`."""
    files = {path.stem: read(path) for path in VECTORS}
    found = {
        f"{stem}/{case['name']}": with_own_policy(case, file.get("policies", {}))
        for stem, file in files.items()
        if file["kind"] == kind
        for case in file["cases"]
    }
    assert found, f"no vectors of the kind {kind}"
    return found


def with_own_policy(case, policies):
    """The case with the policy itself where it names one of its file's own."""
    name = case.get("input", {}).get("policy")
    if isinstance(name, str) and name in policies:
        return case | {"input": case["input"] | {"policy": policies[name]}}
    return case


def each(name, values):
    """Runs a test for each of the values by its id."""
    params = [pytest.param(value, id=value_id) for value_id, value in values.items()]
    return pytest.mark.parametrize(name, params)


def decide_batch(inputs):
    """What `holdoff decide --batch` answers to a list of inputs, one for each."""
    command = os.environ.get("HOLDOFF_CLI", str(ROOT / "target" / "debug" / "holdoff"))
    lines = "".join(json.dumps(line) + "\n" for line in inputs)
    run = subprocess.run(
        [command, "decide", "--batch", "--policy", "tessera"],
        input=lines,
        capture_output=True,
        encoding="utf-8",
    )
    answers = [json.loads(line) for line in run.stdout.split("\n")[:-1]]
    assert run.stderr == ""
    assert len(answers) == len(inputs)
    return answers
