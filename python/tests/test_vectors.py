"""The vectors that all languages share: one test for each case."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import holdoff

if TYPE_CHECKING:
    from collections.abc import Callable

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
    policies = DOCUMENTS[name.split("/")[0]].get("policies", {})
    match kind:
        case "decide":
            policy = policy_of(case["input"].get("policy", "tessera"), policies)
            facts = facts_of(case["input"])
            decision, explanation = policy.decide(**facts), policy.explain(**facts)
            check_decision(facts, decision, explanation, case["expect"])
        case "policy-error":
            with pytest.raises(holdoff.PolicyError) as caught:
                holdoff.Policy(case["text"] if "text" in case else case["document"])
            assert str(caught.value) == case["error"]
        case "error-body":
            assert error_body(case["body"]) == case["expect"]
        case "support-report":
            check_report(case)
        case "upstream":
            policy = policy_of(case["policy"], policies)
            check_steps(policy, case["steps"], lambda upstream: upstream)
            check_steps(policy, case["steps"], through_json)
        case _:
            pytest.fail(f"this runner does not know the kind `{kind}`")


def test_every_case_is_run_once(request: pytest.FixtureRequest) -> None:
    """Nothing is lost between the files and the tests that were collected."""
    written = sum(len(json.loads(path.read_bytes())["cases"]) for path in FOLDER.glob("*.json"))
    run = [item for item in request.session.items if item.name.startswith("test_vector[")]
    assert len(run) == written > 0


def check_decision(
    facts: Any,
    decision: holdoff.Decision,
    explanation: holdoff.Explanation,
    expected: dict[str, Any],
) -> None:
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
    assert explanation.decision == decision
    check_explanation(explanation, expected.get("explained", []))
    wanted = {name: value for name, value in expected.items() if name != "explained"}
    assert {name: found[name] for name in wanted} == wanted


def check_explanation(explanation: holdoff.Explanation, texts: list[str]) -> None:
    for text in texts:
        assert any(text in step.text for step in explanation.steps), f"{text}: {explanation}"


def check_steps(
    policy: holdoff.Policy,
    steps: list[dict[str, Any]],
    after_each: Callable[[holdoff.Upstream], holdoff.Upstream],
) -> None:
    upstream = holdoff.Upstream()
    tickets: dict[str, int] = {}
    decisions: dict[str, holdoff.Decision] = {}
    for step in steps:
        match step:
            case {"call": call, "admit": line, "expect": expected}:
                admission = upstream.admit(policy, ticket=tickets.get(call, 0), **facts_of(line))
                tickets[call] = admission.ticket
                assert described(admission) == expected, step
            case {"call": call, "succeed": line}:
                upstream.succeed(policy, after=decisions.get(call), **facts_of(line))
            case {"call": call, "decide": line, "expect": expected}:
                facts = facts_of(line)
                explanation = through_json(upstream).explain(policy, **facts)
                decisions[call] = upstream.decide(policy, **facts)
                check_decision(facts, decisions[call], explanation, expected)
                check_explanation(explanation, step.get("explained", []))
            case _:
                pytest.fail(f"this runner does not know the step `{step}`")
        upstream = after_each(upstream)


def described(admission: holdoff.Admission) -> dict[str, Any]:
    match admission:
        case holdoff.Admission("refuse", decision=holdoff.Decision() as held):
            assert held.action == "stop"
            told = {"reason": held.reason, "class": held.class_}
            return {"action": "refuse", "source": held.source, "after_ms": held.after_ms} | told
        case holdoff.Admission("wait", after_ms, source):
            return {"action": "wait", "source": source, "after_ms": after_ms}
        case _:
            return {"action": admission.action}


def through_json(upstream: holdoff.Upstream) -> holdoff.Upstream:
    return holdoff.Upstream.from_json(upstream.to_json())


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


def policy_of(policy: Any, own: dict[str, Any]) -> holdoff.Policy:
    """The policy of a case: a document, or the name of one of its file's own or of a preset."""
    return load(json.dumps(own.get(policy, policy) if isinstance(policy, str) else policy))


@cache
def load(name_or_document: str) -> holdoff.Policy:
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
