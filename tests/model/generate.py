"""Random cases for `holdoff decide --batch`: valid, hostile, and everything between."""

from generate_body import BodyGenerator
from hints import OF_ONE_HEADER
from presets import presets

KINDS = "dns connect tls reset timeout protocol aborted".split()
PHASES = ["connect", "sent", "body"]
STATUSES = [429, 500, 502, 503, 504, 400, 401, 402, 403, 404, 413, 422, 408, 409, 425, 529]
STATUSES += [200, 200, 204, 302]
METHODS = "GET HEAD OPTIONS PUT DELETE POST PATCH get".split()
# Those that are read together stand together.
HEADERS = [
    *["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"],
    *["grpc-retry-pushback-ms", "x-should-retry", "stripe-should-retry", "date", "age"],
    *["ratelimit", "ratelimit age", "ratelimit-reset ratelimit-remaining age"],
    "x-ratelimit-reset-after x-ratelimit-remaining x-ratelimit-reset",
    "x-ratelimit-retry-after",
]
for prefix, names in {
    "x-ratelimit": ["", "-requests", "-tokens", "-tokens_usage_based", "-images"],
    "x-rate-limit": ["", "-requests", "-tokens", "-images"],
}.items():
    HEADERS += [f"{prefix}-reset{name} {prefix}-remaining{name}" for name in names]
for bucket in ("requests", "tokens", "input-tokens", "output-tokens"):
    name = f"anthropic-ratelimit-{bucket}"
    HEADERS.append(f"{name}-reset {name}-remaining")
for window in ("", "-5h", "-7d"):
    name = f"anthropic-ratelimit-unified{window}"
    HEADERS.append(f"{name}-reset {name}-status")


class Generator(BodyGenerator):
    """Everything that is random here, from one seed."""

    def case(self, policies):
        facts = self.failure()
        optional = {
            "attempt": self.choice([0, 0, 0, 0, 1, 1, 1, 2, 5, 6, 31, 33, 70, 1000, 2**32 - 1]),
            "now": self.now(),
            "policy": self.choice([*self.choices(policies, k=5), self.preset()]),
            "method": self.choice(METHODS),
            "max_retries": self.choice([0, 3, 40, 1001, 2**32 - 1]),
            "idempotent": self.maybe(0.5),
            "replayable": self.maybe(0.97),
            "delivered": self.maybe(0.03),
        }
        for name, value in optional.items():
            if self.maybe(0.6):
                facts[name] = value if self.maybe(0.97) else None
        if self.maybe(0.2):
            facts["deadline_ms"] = self.choice([0, 1, 1000, 2500, 60000, 2**31 - 1, 2**53 - 1])
            facts["elapsed_ms"] = self.choice([None, 0, 1, 999, 5000, 2**31, 2**53 - 1])
        return facts | self.chance()

    def preset(self):
        name = self.choice([*presets()])
        return name.partition("@")[0] if self.maybe(0.1) else name

    def failure(self):
        if self.maybe(0.9):
            return self.response()
        transport = {"transport": self.choice(KINDS)}
        if self.maybe(0.7):
            transport["phase"] = self.choice(PHASES)
        return transport | self.response() if self.maybe(0.1) else transport

    def response(self):
        status = self.choice(STATUSES) if self.maybe(0.9) else self.randrange(1000)
        response = {"status": status, "headers": self.headers()}
        return response | {"body": self.body()} if self.maybe(0.7) else response

    def chance(self):
        if self.maybe(0.4):
            return {"draw": self.choice([0, 0.5, 0.9999999999999999, self.random()])}
        seed = self.choice([0, 1, 7, 2**53 - 1, 2**53, 2**64 - 1, self.getrandbits(64)])
        return {"seed": seed if seed < 2**53 and self.maybe(0.5) else str(seed)}

    def headers(self):
        headers, spelt = {}, {}
        read_by_forms = self.sample(OF_ONE_HEADER, self.choice([0, 0, 2, 6]))
        for names in read_by_forms + self.sample(HEADERS, self.choice([0, 1, 2, 4, 8])):
            for name in names.split():
                if self.maybe(0.1):
                    continue
                lines = [self.value(name) for _ in range(self.randrange(4))]
                # JSON has no order, so the lines of one name are in one list.
                spelling = spelt.setdefault(name, self.choice([name, name.title(), name.upper()]))
                headers[spelling] = lines if self.maybe(0.1) else self.value(name)
        return headers

    def now(self):
        at = self.near_now()
        text = at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")
        return text.replace("+00:00", "Z")
