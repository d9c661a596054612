"""Random policy documents, each of them valid."""

from forms import FORMS
from generate import KINDS, METHODS, PHASES, STATUSES, Generator
from generate_body import CODES, TYPES
from hints import OF_ONE_HEADER, SOURCES
from verdict import WORDS

CLASSES = (
    "invalid_request authentication permission not_found too_large unprocessable conflict "
    "rate_limited quota_exhausted server_error unavailable overloaded timeout transport other"
).split()
LONGEST_MS = 2**31 - 1


class PolicyGenerator(Generator):
    """Policy documents from the same seed as the cases."""

    def policy(self):
        document = {
            "name": "random",
            "retries": self.choice([0, 1, 3, 40, 1000]),
            "rules": [self.rule() for _ in range(self.randrange(12))],
            "otherwise": self.outcome(),
            "backoff": self.backoff(),
        }
        if self.maybe(0.5):
            document["server_verdicts"] = self.sample(list(WORDS), self.randrange(5))
        if self.maybe(0.4):
            document["methods"] = self.sample(METHODS, self.randrange(4))
        if self.maybe(0.1):
            document["idempotency_key_header"] = self.choice(["Idempotency-Key", "x_key"])
        if self.maybe(0.2):
            document["deadline_ms"] = self.choice([0, 1, 1000, 2500, 60000, LONGEST_MS])
        if self.maybe(0.1):
            document["client"] = self.client()
        if self.maybe(0.8):
            document["hint"] = self.hint_rules()
        return document

    def client(self):
        optional = {"configured": "total=3", "known_differences": {"nan": "It waits for nothing."}}
        return {
            "package": "random",
            "registry": self.choice(["PyPI", "npm", "Maven Central", "Go modules"]),
            "versions": ">=2",
            "checked": "2.0.1",
            "read_in": ["random/client.py"],
            "peculiar": ["It does what it likes."],
        } | self.part_of(optional)

    def rule(self):
        effects = {
            "retries": self.choice([0, 1, 3, 1000]),
            "min_ms": self.choice([0, 1, 1000, 60000, LONGEST_MS]),
            "base_ms": self.choice([0, 1, 1000, 60000, LONGEST_MS]),
        }
        effects = self.outcome() | (self.part_of(effects) if self.maybe(0.4) else {})
        if self.maybe(0.25):
            phase = {"phase": self.some(PHASES)} if self.maybe(0.5) else {}
            return {"transport": self.some(KINDS)} | phase | effects
        conditions = {
            "status": self.statuses(),
            "type": self.some(TYPES),
            "code": self.some(CODES),
            "error_class": self.some(CLASSES),
        }
        names = self.sample(list(conditions), self.choice([1, 1, 1, 2, 3]))
        hinted = {"hinted": self.choice([True, self.some(OF_ONE_HEADER), self.some([*SOURCES])])}
        hinted = hinted if self.maybe(0.3) else {}
        return {name: conditions[name] for name in names} | hinted | effects

    def some(self, values):
        return self.sample(values, self.randrange(1, 4))

    def statuses(self):
        return [self.status() for _ in range(self.randrange(1, 4))]

    def status(self):
        first, last = sorted(self.choice([100, 200, 400, 429, 499, 500, 599, 999]) for _ in "ab")
        return self.choice([self.choice(STATUSES), f"{first}-{last}"])

    def outcome(self):
        verdict = self.choice(["retry", "retry", "retry_if_idempotent", "stop"])
        return {"verdict": verdict, "class": self.choice(CLASSES)}

    def hint_rules(self):
        least, most = sorted(self.choice([0, 1, 50, 1000, 60000, LONGEST_MS]) for _ in "ab")
        optional = {
            "min_ms": least,
            "max_ms": most,
            "beyond_max": self.choice(["stop", "clamp", "ignore"]),
            "zero": self.choice(["wait", "ignore", "next"]),
            "past": self.choice(["zero", "ignore", "next"]),
            "clock": self.choice(["server", "local"]),
            "repeated": self.choice(["joined", "first", "last"]),
            "jitter": self.hint_jitter(),
        }
        rare = {
            "status": self.choice([["100-999"], [429, "500-599"], self.statuses()]),
            "at_least_backoff": True,
            "max_above_backoff_ms": self.choice([0, 1, 5000, LONGEST_MS]),
        }
        count = self.choice([1, 4, len(SOURCES), len(SOURCES)])
        names = self.sample(list(SOURCES), count)
        of_bodies = [name for name in SOURCES if name.startswith("body-")]
        first = self.choice([[], OF_ONE_HEADER, OF_ONE_HEADER, of_bodies])
        names.sort(key=lambda name: name not in first)
        rare = self.part_of(rare) if self.maybe(0.5) else {}
        return {"sources": [self.source(name) for name in names]} | self.part_of(optional) | rare

    def source(self, name):
        """A source by its name, or how it is to be read."""
        reads = {"reads": self.sample(FORMS, self.choice([1, 1, 2, 4]))}
        jitter = {"jitter": self.hint_jitter()}
        if self.maybe(0.6) and name in OF_ONE_HEADER:
            return {"source": name} | self.choice([reads, reads, reads | jitter])
        return {"source": name} | jitter if self.maybe(0.3) else name

    def hint_jitter(self):
        up = {"kind": "proportional", "up_percent": self.choice([0, 1, 20, 50, 1000])}
        additive = {"kind": "additive", "span_ms": self.choice([0, 1, 1000, LONGEST_MS])}
        return self.choice([{"kind": "none"}, additive, up, up | {"down_percent": 0}])

    def backoff(self):
        base, cap = sorted(self.choice([0, 1, 7, 100, 8000, 60000, LONGEST_MS]) for _ in "ab")
        capped = {"cap_ms": cap, "cap_applies": self.choice(["after_jitter", "before_jitter"])}
        floor = {"min_ms": base, "min_applies": self.choice(["beneath", "after_jitter"])}
        at_once = {"immediate_retries": self.choice([0, 1, 2, 1000])}
        return {
            "base_ms": base,
            "factor": self.choice([1, 1.001, 1.5, 2, 2.0, 2.718, 3, 999.999, 1000]),
            "jitter": self.backoff_jitter(),
        } | self.choice([{}, capped, capped, capped | floor, capped | floor | at_once])

    def backoff_jitter(self):
        percents = {
            "down_percent": self.choice([0, 1, 10, 25, 50, 100]),
            "up_percent": self.choice([0, 1, 10, 20, 100, 1000]),
        }
        return self.choice(
            [{"kind": kind} for kind in ("none", "full", "equal", "decorrelated")]
            + [{"kind": "additive", "span_ms": self.choice([0, 1, 250, 1000, LONGEST_MS])}]
            + [{"kind": "proportional"} | self.part_of(percents)] * 2
        )

    def part_of(self, optional):
        return {name: value for name, value in optional.items() if self.maybe(0.6)}
