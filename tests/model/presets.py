"""The policies that have names: `client@range`, for short the client alone or with one version."""

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "core" / "src" / "presets"


@cache
def presets():
    documents = (json.loads(path.read_text()) for path in sorted(FOLDER.rglob("*.json")))
    return {document["name"]: document for document in documents}


def preset(name):
    if name in presets():
        return presets()[name]
    client, _, version = name.partition("@")
    ranges = {own.partition("@")[2]: own for own in presets() if own.startswith(f"{client}@")}
    if version:
        found = next(own for versions, own in ranges.items() if is_among(version, versions))
    else:
        found = ranges[max(ranges, key=lambda versions: numbers(versions.rpartition("-")[2]))]
    return presets()[found]


def is_among(version, versions):
    """`>=2.5`, `<=2.5`, `2.5-3` or `2`, in which 2.5.1 is one of the versions 2.5."""
    given, (first, dash, last) = numbers(version), versions.partition("-")
    if dash:
        return is_among(version, f">={first}") and is_among(version, f"<={last}")
    bound = numbers(versions)
    if versions.startswith(">="):
        return given >= bound
    given = given[: len(bound)]
    return given <= bound if versions.startswith("<=") else given == bound


def numbers(version):
    return [int(number) for number in version.lstrip("<>=").split(".")]
