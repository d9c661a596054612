"""The model and the command give what the shared vectors say."""

import pytest

from error_body import parse_error
from model import decide
from shared import VECTORS, cases, decide_batch, each, read

DECIDE = cases("decide")
MEMBERS = {
    "decide": [{"input", "expect"}],
    "policy-error": [{"document", "error"}, {"text", "error"}],
    "error-body": [{"body", "expect"}],
    "support-report": [{"input", "endpoint", "expect", "text"}],
    "upstream": [{"policy", "steps"}],
}
EXPECTED = set(
    "action after_ms class reason source advice bits attempt hint error explained".split()
)


@each("path", {path.stem: path for path in VECTORS})
def test_form(path):
    """Unique names, a reason for each case, and nothing that a runner would not look at."""
    file = read(path)
    assert file.keys() - {"policies"} == {"concept", "kind", "cases"}
    used = {str(case.get("input", case).get("policy")) for case in file["cases"]}
    assert file.get("policies", {}).keys() <= used, "a policy that no case names"
    names = [case["name"] for case in file["cases"]]
    assert names
    assert len(set(names)) == len(names)
    for case in file["cases"]:
        assert case.keys() - {"name", "why"} in MEMBERS[file["kind"]], case["name"]
        assert case["why"].endswith("."), case["name"]
        if file["kind"] == "decide":
            assert {"action"} <= case["expect"].keys() <= EXPECTED, case["name"]


@each("case", DECIDE)
def test_model(case):
    # A case that gives neither seed nor draw must not depend on chance.
    chances = [{}] if {"seed", "draw"} & case["input"].keys() else [{"draw": 0}, {"draw": 0.999}]
    for chance in chances:
        answer = decide(case["input"] | chance)
        expected = {name: value for name, value in case["expect"].items() if name in answer}
        assert {name: answer[name] for name in expected} == expected


@pytest.fixture(scope="module")
def answers():
    given = decide_batch([case["input"] for case in DECIDE.values()])
    return dict(zip(DECIDE, given, strict=True))


@each("case_id", {case_id: case_id for case_id in DECIDE})
def test_command(case_id, answers):
    expected = {
        name: value
        for name, value in DECIDE[case_id]["expect"].items()
        if name not in ("bits", "explained")  # which the command does not answer
    }
    assert {name: answers[case_id].get(name) for name in expected} == expected


@each("case", cases("error-body"))
def test_model_of_error_bodies(case):
    error = parse_error(case["body"])
    assert (error and error.parts()) == case["expect"]
