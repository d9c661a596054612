"""Random cases, in which the model and the command must give the same answers.

HOLDOFF_RANDOM_SEED is the seed, to have the same cases again; without it a fresh one is taken and
printed. HOLDOFF_RANDOM_CASES is how many cases there are.
"""

import json
import os
from collections import Counter
from random import SystemRandom

from jsonschema import Draft202012Validator

from error_class import CLASSES
from forms import FORMS
from generate_policy import PolicyGenerator
from hints import SOURCES
from model import decide, hint_of
from shared import SCHEMA, decide_batch, read

LEAST = 20_000
CASES = int(os.environ.get("HOLDOFF_RANDOM_CASES", "20000"))
SHOWN = 5
REASONS = set(
    "status error_type error_code error_class server_verdict transport unlisted not_a_failure "
    "delivered not_replayable aborted not_idempotent possibly_executed retries_exhausted "
    "hint_too_long deadline".split()
)


def test_model_and_command_agree():
    assert CASES >= LEAST
    seed = int(os.environ.get("HOLDOFF_RANDOM_SEED") or SystemRandom().getrandbits(32))
    print(f"\nHOLDOFF_RANDOM_SEED={seed}, {CASES} cases")
    generator = PolicyGenerator(seed)
    policies = [generator.policy() for _ in range(CASES // 50)]
    validator = Draft202012Validator(read(SCHEMA))
    for policy in policies:
        validator.validate(policy)
    inputs = [generator.case(policies) for _ in range(CASES)]
    expected = [decide(facts) for facts in inputs]
    answers = decide_batch(inputs)

    differing = []
    for number, (facts, model, answer) in enumerate(zip(inputs, expected, answers, strict=True)):
        if {name: answer.get(name) for name in model} != model:
            case = {"name": f"random-{seed}-{number}", "why": "", "input": facts, "expect": model}
            differing += [json.dumps(case, ensure_ascii=False), f"  the command: {answer}"]
    shown = "\n".join(differing[: 2 * SHOWN])
    assert not differing, (
        f"{len(differing) // 2} of {CASES} cases differ, HOLDOFF_RANDOM_SEED={seed}; as vectors:\n"
        f"{shown}"
    )

    assert reached(model["reason"] for model in expected) == REASONS
    assert reached(model["hint"]["from"] for model in expected if model["hint"]) == set(SOURCES)
    hints = [hint_of(facts) for facts in inputs]
    assert reached(hint.form for hint in hints if hint) == {None, *FORMS}
    past = reached(hint.form for hint in hints if hint and hint.past)
    assert past >= {None, "integer", "float", "leading_float", "date"}
    classes = reached((model["error"] or {}).get("class") for model in expected)
    assert classes == {None, *CLASSES}


def reached(words):
    counts = Counter(words)
    print(", ".join(f"{word} {count}" for word, count in counts.most_common()))
    return counts.keys()
