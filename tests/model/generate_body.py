"""Random response bodies: errors in every shape that is known, broken ones, and none."""

import json

from error_class import CLASS_OF
from generate_value import ValueGenerator

TYPES = (
    "invalid_request_error authentication_error permission_error rate_limit_error api_error "
    "overloaded_error timeout_error Rate_Limit_Error rate_limit_erro insufficient_quota error"
).split()
CODES = ["rate_limit_exceeded", "insufficient_quota", "1300", "0", "-1", "é"]
TEXTS = [
    "slow down", "", None, 'é\n"', ["x"], 3, {"x": 1}, "Limit 6,000, Used 1, Requested ~6294.",
    "Limit 7000, Requested 7000", "limit 5, Requested 9", "RateLimit 5, Requested 9",
    "You have exceeded a secondary rate limit. Please wait.", "Sorry, retry in bulk",
    '{"error":{"type":"overloaded_error","retry_after":3}}', ' [{"code":"slow"}]',
    '{"message":"m"}',
    '{"error":"ratelimited","retryable":false}', '{"error":{"message":"{\\"code\\":\\"x\\"}"}}',
]  # fmt: skip
PHRASES = [
    "Try again in {}.",
    "retry after {} please",
    "try again after {}",
    "Retry in {}",
    "in {}",
]
UNITS = "s seconds sec S m min minutes h hours ms milliseconds µs ns days".split()
NUMBERS = [0, 1, 5, 64.57, 0.0001, 2.007, 1e3, -1, -1.5, 1768478430, 10**15, 10**25]
DELAYS = [
    "34s",
    "45.837906927s",
    "0s",
    "-3s",
    "34",
    "1.0000000001s",
    "1.s",
    "5S",
    "99999999999s",
    5,
]
QUOTAS = ["GenerateRequestsPerDayPerProjectPerModel", "RequestsPerMinute", "per_day", None, 5]
SOURCES = ["openrouter_free_tier_daily", "openrouter_shared_capacity", None, ["x"]]
STATUSES = [
    200,
    399,
    400,
    402,
    404,
    429,
    429,
    500,
    502,
    503,
    529,
    599,
    600,
    "429",
    "UNAVAILABLE",
    None,
]
MARKS = [{"type": "error"}, {"object": "error"}, {"ok": False}, {"success": False}, {"ok": True}]
MARKS += [{"type": "Error"}, {"success": "false"}, {"ok": 0}, {"type": "message"}]
LINES = [
    ": comment", "id: 1", "retry: 3000", "event: ping", "event:error", "event: Error", "foo: 1",
    "data", "data: ", "event: message\nevent: error",
]  # fmt: skip
BODIES = ["<html>502</html>", "", "null", "[]", "{}", "[1]", "data: [DONE]\n\n", ":", "\n{}\n"]


class BodyGenerator(ValueGenerator):
    def body(self):
        document = self.document()
        if self.maybe(0.4):
            return document
        if self.maybe(0.3):
            return self.stream(document)
        if self.maybe(0.2):
            document = self.choice([[document], [document, {}], [[document]], [[], document]])
        text = json.dumps(document, ensure_ascii=self.maybe(0.5))
        cut = text[: self.randrange(len(text) + 1)]
        odd = self.choice([text, f" \n{text} more", text + text, f"\n{text}\t", *BODIES])
        return self.choice([text, text, cut, self.mutated(text, 1), odd])

    def document(self):
        """An object that holds an error in one of the known ways, or is one."""
        error = self.error()
        beside = self.error() if self.maybe(0.3) else {}
        if self.maybe(0.3):
            beside |= self.choice(MARKS)
        held = self.choice([
            {"error": error}, {"error": error}, {"error": error}, error, error, error,
            {"error": self.choice(["busy", "ratelimited", "too busy", "", None, False, [error]])},
            {"response": {"error": error}}, {"response": {"error": None}}, {"response": "x"},
            {"errors": [error]}, {"errors": [error, {}]}, {"errors": []}, {"errors": ["m"]},
        ])  # fmt: skip
        document = {**beside, **held} if self.maybe(0.5) else {**held, **beside}
        return {"id": "req", **document, "usage": [1, 2.5e3]} if self.maybe(0.2) else document

    def stream(self, document):
        """Server-sent events, of which some hold errors."""
        texts = [json.dumps(each) for each in [self.document(), document, {"choices": []}]]
        events = [
            [
                *self.choice([[], [], ["event: error"], [self.choice(LINES)]]),
                self.choice(["data: ", "data: ", "data:"]) + self.mutated(text, 0.1),
                *self.choice([[], [], [self.choice(LINES)]]),
            ]
            for text in self.sample(texts, self.randrange(1, 4))
        ]
        end = self.choice(["\n", "\n", "\r\n"])
        text = (end * 2).join(end.join(event) for event in events)
        return self.choice(["", "", "\n"]) + text + self.choice(["", end, end * 2, end * 3])

    def error(self):
        parts = {
            "message": self.choice([self.message(), self.choice(TEXTS)]),
            "type": self.one_of(
                TYPES, [*CLASS_OF], [None, 7, ["api_error"], {"type": "api_error"}]
            ),
            "code": self.one_of(CODES, CODES, [*CLASS_OF], STATUSES, ["", None, 1.5, True, 2**63]),
            "param": self.choice(["model", None, 0]),
            "status": self.one_of(STATUSES, [*CLASS_OF]),
            "retry_after": self.choice([*NUMBERS, self.number(), self.wait(), None, True, [5]]),
            "retryable": self.choice([True, False, None, "false", 0]),
            "details": self.choice([self.details(), self.details(), None, {"retryDelay": "5s"}]),
            "metadata": self.choice([self.metadata(), self.metadata(), None, "x"]),
            "other": self.choice([None, [1, [2]], {"error": {"type": "api_error"}}]),
        }
        rare = {
            "Message": self.choice(TEXTS),
            "detail": self.choice([*TEXTS, [{"msg": "m"}, 1], [{"msg": 1}], [{}], []]),
            "error_description": self.choice(TEXTS),
            "title": self.choice(TEXTS),
            "__type": self.choice(
                ["x#ThrottlingException", "a#b#c", "ModelNotReadyException", "#", 5]
            ),
            "error_code": self.choice([1015, "rate_limited", None, 1.5]),
            "raw_status_code": self.choice(STATUSES),
            "statusCode": self.choice(STATUSES),
        }
        names = self.sample(list(parts), self.choice([1, 2, 3, 4, 6]))
        names += self.sample(["message", "type", "code"], self.choice([0, 1, 2]))
        names += self.sample(list(rare), self.choice([0, 0, 1, 2]))
        return {name: (parts | rare)[name] for name in names}

    def one_of(self, *lists):
        return self.choice(self.choice(lists))

    def message(self):
        terms = [
            self.number() + self.choice(["", "", " "]) + self.choice(UNITS)
            for _ in range(self.choice([1, 1, 2, 3]))
        ]
        text = self.choice(PHRASES).format(self.choice(["", " ", "  "]).join(terms))
        return self.choice(["", "", "Limit 5, Requested 9. ", "retry in a. "]) + self.mutated(
            text, 0.1
        )

    def details(self):
        google = "type.googleapis.com/google.rpc."
        violations = [{"quotaId": self.choice(QUOTAS)} for _ in range(self.randrange(3))]
        details = [
            {"@type": google + "RetryInfo", "retryDelay": self.choice(DELAYS)},
            {"@type": google + "RetryInfo"},
            {
                "@type": google + "QuotaFailure",
                "violations": self.choice([violations, violations, {}]),
            },
            {"@type": google + "Help", "retryDelay": "9s"},
            self.choice(["x", None, {}]),
        ]
        return self.sample(details, self.choice([0, 1, 2, 3, 5]))

    def metadata(self):
        values = {
            "Retry-After": self.choice([self.wait(), 5, None, True]),
            "X-RateLimit-Reset": self.choice(
                [self.wait(), int(self.near_now().timestamp() * 1000)]
            ),
            "x-ratelimit-remaining": self.choice(["0", 0, "3", None]),
        }
        headers = {name: values[name] for name in self.sample(list(values), self.randrange(4))}
        metadata = {"headers": self.choice([headers, headers, headers, ["x"]])}
        return metadata | {"limit_source": self.choice(SOURCES)} if self.maybe(0.3) else metadata
