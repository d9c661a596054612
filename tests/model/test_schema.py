"""The schema of policy documents, and the documents that it accepts and refuses."""

import json
import re

from jsonschema import Draft202012Validator

from shared import PRESETS, SCHEMA, cases, each, read

VALIDATOR = Draft202012Validator(read(SCHEMA))

# What the schema leaves to the reader of the document.
BEYOND_A_SCHEMA = {
    # One number bounds another.
    "policy-errors/backoff-cap-less-than-base",
    "policy-errors/hint-max-less-than-min",
    "policy-errors/status-reversed",
    "policy-field-errors/hint-status-reversed",
    # `reads` depends on the source that is beside it.
    "policy-field-errors/source-reads-grpc-retry-pushback-ms",
    "policy-field-errors/source-reads-body-retry-after",
    "policy-field-errors/source-reads-ratelimit",
    # `multipleOf` divides floats, which would refuse 1.001.
    "policy-errors/backoff-factor-with-four-decimals",
}


def test_the_schema_is_one():
    Draft202012Validator.check_schema(read(SCHEMA))


@each("path", {path.stem: path for path in PRESETS})
def test_presets_are_valid(path):
    document = read(path)
    VALIDATOR.validate(document)
    # `<`, `>` and `=` are left out of the names of files.
    assert re.sub("[<>=]", "", document["name"]) == path.stem
    assert ("client" in document) == (path.parent.name == "clients")


def inline_policies():
    policies = {case_id: case["input"].get("policy") for case_id, case in cases("decide").items()}
    return {case_id: policy for case_id, policy in policies.items() if isinstance(policy, dict)}


@each("policy", inline_policies())
def test_policies_of_vectors_are_valid(policy):
    VALIDATOR.validate(policy)


def faulty_documents():
    for case_id, case in cases("policy-error").items():
        if "document" in case:
            yield case_id, (case_id, case["document"])
        elif "not JSON" not in case["error"]:
            yield case_id, (case_id, json.loads(case["text"]))


@each("case", dict(faulty_documents()))
def test_faults_are_refused(case):
    case_id, document = case
    # What is beyond the schema is accepted by it, so that the list above stays true.
    assert VALIDATOR.is_valid(document) == (case_id in BEYOND_A_SCHEMA)
