"""The vectors that all languages share: one test for each case."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import holdoff

FOLDER = Path(__file__).parents[2] / "tests/vectors"
DOCUMENTS = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
CASES = {
    f"{stem}/{case['name']}": (document["kind"], case)
    for stem, document in sorted(DOCUMENTS.items())
    for case in document["cases"]
}


@pytest.mark.parametrize("name", CASES)
def test_vector(name: str) -> None:
    kind, case = CASES[name]
    match kind:
        case "decide":
            policies = DOCUMENTS[name.split("/")[0]].get("policies", {})
            policy = case["input"].get("policy", "tessera")
            own = policies.get(policy, policy) if isinstance(policy, str) else policy
            check_decision(case["input"] | {"policy": own}, dict(case["expect"]))
        case "policy-error":
            with pytest.raises(holdoff.PolicyError) as caught:
                holdoff.Policy(case["text"] if "text" in case else case["document"])
            assert str(caught.value) == case["error"]
        case "error-body":
            assert error_body(case["body"]) == case["expect"]
        case "support-report":
            check_report(case)
        case _:
            pytest.fail(f"this runner does not know the kind `{kind}`")


def test_every_case_is_run_once(request: pytest.FixtureRequest) -> None:
    """Nothing is lost between the files and the tests that were collected."""
    written = sum(len(json.loads(path.read_bytes())["cases"]) for path in FOLDER.glob("*.json"))
    run = [item for item in request.session.items if item.name.startswith("test_vector[")]
    assert len(run) == written > 0


def check_decision(line: dict[str, Any], expected: dict[str, Any]) -> None:
    facts = facts_of(line)
    policy = policy_of(json.dumps(line["policy"]))
    decision = policy.decide(**facts)
    found: dict[str, Any] = {
        "action": decision.action,
        "after_ms": decision.after_ms,
        "class": decision.class_,
        "reason": decision.reason,
        "source": decision.source,
        "advice": decision.advice,
        "bits": decision.bits,
        "attempt": facts.get("attempt", 0),
        "error": error_body(facts.get("body", b"")) if "status" in facts else None,
        # Only Rust and the command tell it.
        "hint": expected.get("hint"),
    }
    explanation = policy.explain(**facts)
    assert explanation.decision == decision
    for text in expected.pop("explained", []):
        assert any(text in step.text for step in explanation.steps), f"{text}: {explanation}"
    assert {name: found[name] for name in expected} == expected


def check_report(case: dict[str, Any]) -> None:
    facts = facts_of(case["input"])
    wanted = ("status", "headers", "body", "transport", "phase", "now")
    report = holdoff.support_report(
        **{name: facts[name] for name in wanted if name in facts}, endpoint=case["endpoint"]
    )
    assert {name: asdict(report)[name] for name in case["expect"]} == case["expect"]
    assert str(report) == case["text"]


def error_body(body: bytes | str) -> dict[str, Any] | None:
    error = holdoff.parse_error(body)
    return error and {name.removesuffix("_"): part for name, part in asdict(error).items()}


@cache
def policy_of(name_or_document: str) -> holdoff.Policy:
    policy = json.loads(name_or_document)
    return holdoff.Policy.preset(policy) if isinstance(policy, str) else holdoff.Policy(policy)


def facts_of(line: dict[str, Any]) -> Any:
    """The facts in a line as `holdoff decide --batch` takes it."""
    facts = {name: fact for name, fact in line.items() if fact is not None and name != "policy"}
    if isinstance(facts.get("body"), dict):
        facts["body"] = json.dumps(facts["body"], ensure_ascii=False, separators=(",", ":"))
    if isinstance(facts.get("seed"), str):
        facts["seed"] = int(facts["seed"])
    if "now" in facts:
        # Before Python 3.11, `fromisoformat` does not know the Z.
        facts["now"] = datetime.fromisoformat(facts["now"].replace("Z", "+00:00"))
    return facts
