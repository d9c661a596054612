"""Random cases for `holdoff decide --batch`: valid, hostile, and everything between."""

import json
from datetime import datetime, timedelta, timezone
from random import Random

KINDS = "dns connect tls reset timeout protocol aborted".split()
STATUSES = [429, 500, 502, 503, 504, 400, 401, 403, 404, 413, 422, 408, 409, 529, 200, 204, 302]
METHODS = "GET HEAD PUT DELETE POST PATCH get".split()
HINT_HEADERS = "retry-after retry-after-ms x-ms-retry-after-ms x-amz-retry-after".split()
TYPES = (
    "invalid_request_error authentication_error permission_error rate_limit_error api_error "
    "overloaded_error Rate_Limit_Error rate_limit_erro insufficient_quota"
).split()
CODES = ["rate_limit_exceeded", "insufficient_quota", "1300", "0", "-1", "é"]
BODIES = ["<html>502</html>", "", "null", "[]", "{}"]
AGES = ["0", "1", "60", "3600", "86400", "9" * 30, "-1", "1.5", "", "x", "60, 30", "007"]
DATES = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b {day:2} %H:%M:%S %Y"]
YEARS = [1970, 1994, 2000, 2038, 2075, 2076, 2077, 2100, 3000]
# Days like any other, a leap day, and the end of a century.
NOWS = [(2026, 1, 15, 12), (2026, 1, 15, 12), (2024, 2, 29, 0), (2099, 12, 31, 23)]
JUNK = [
    "", " ", "soon", "-5", "+5", "1e3", "0x10", "inf", "Infinity", "NaN", "1m0s", "5s",
    "120 seconds", "120;delta", "1_000", "１２０", "٣", ".5", "5.", "1.", "1..5", "1.5.5", "--1",
    "- 5", "null", "true", ",", "5,", ",5", "5,,6", "5, soon", "0", "00", "0005", "0.0",
    "0.0001", "0.129", "1.5", "2.0005", "59.9999999", "2147483", "2147483.647", "2147483.6471",
    "2147484", "2147483647", "2147483648", "2147483649", "4294967296", "1768478430",
    "9999999999", "18446744073709551615", "18446744073709551616", "9" * 30, "9" * 400,
    "0" * 50 + "7", "0." + "0" * 50 + "1", "2026-01-15T12:00:30Z", "2026-01-15 12:00:30",
    "Thu, 15 Jan 2026 12:00:30 gmt", "Thu, 15 Jan 2026 12:00:30 UTC",
    "Thu, 15 Jan 2026 12:00:30 +0000", "Thu, 15 Jan 2026 12:00:30",
    "Mon, 15 Jan 2026 12:00:30 GMT", "Foo, 15 Jan 2026 12:00:30 GMT",
    "thu, 15 jan 2026 12:00:30 GMT", "Thu, 5 Feb 2026 12:00:00 GMT",
    "Thu, 32 Jan 2026 12:00:30 GMT", "Mon, 30 Feb 2026 12:00:30 GMT",
    "Thu, 15 Jan 2026 24:00:00 GMT", "Thu, 15 Jan 2026 12:60:00 GMT",
    "Thu, 15 Jan 2026 23:59:60 GMT", "Thu, 15 Jan 2026 12:00:60 GMT",
    "Thu, 15 Jan 2026 12:00:61 GMT", "Thu,15 Jan 2026 12:00:30 GMT",
    "Thu,  15 Jan 2026 12:00:30 GMT", "15 Jan 2026 12:00:30 GMT",
    "Thu Jan 15 12:00:30 2026 GMT", "Thu Jan 5 12:00:30 2026", "Thu Jan  5 12:00:30 2026",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:60 GMT",
    "Sun, 29 Feb 2100 00:00:00 GMT", "Tue, 29 Feb 2028 00:00:00 GMT",
    "Thursday, 29-Feb-80 00:00:00 GMT", "Thursday, 29-Feb-00 00:00:00 GMT",
    "Thu, 15 Jan 2026 12:00:30 GMT, 30",
    "Thu, 15 Jan 2026 12:00:30 GMT, Thu, 15 Jan 2026 12:00:40 GMT",
    "30, Thursday, 15-Jan-26 12:00:30 GMT", "Thu, ", "Thu,",
    "Thu, Thu, 15 Jan 2026 12:00:30 GMT",
]  # fmt: skip


class Generator(Random):
    """Everything that is random here, from one seed."""

    def maybe(self, probability):
        return self.random() < probability

    def case(self, policies):
        facts = self.failure()
        optional = {
            "attempt": self.choice([0, 0, 1, 2, 3, 4, 5, 6, 31, 33, 70, 1000, 2**32 - 1]),
            "now": self.now(),
            "policy": self.choice([self.choice(policies), "tessera"]),
            "method": self.choice(METHODS),
            "max_retries": self.choice([0, 3, 40, 1001, 2**32 - 1]),
            "idempotent": self.maybe(0.5),
            "replayable": self.maybe(0.97),
            "delivered": self.maybe(0.03),
        }
        for name, value in optional.items():
            if self.maybe(0.6):
                facts[name] = value if self.maybe(0.97) else None
        if self.maybe(0.3):
            facts["deadline_ms"] = self.choice([0, 1, 1000, 2500, 60000, 2**31 - 1, 2**53 - 1])
            facts["elapsed_ms"] = self.choice([None, 0, 1, 999, 5000, 2**31, 2**53 - 1])
        return facts | self.chance()

    def failure(self):
        if self.maybe(0.85):
            return self.response()
        transport = {"transport": self.choice(KINDS)}
        if self.maybe(0.5):
            transport["phase"] = self.choice(["connect", "sent", "body"])
        return transport | self.response() if self.maybe(0.1) else transport

    def response(self):
        status = self.choice(STATUSES) if self.maybe(0.9) else self.randrange(1000)
        response = {"status": status, "headers": self.headers()}
        return response | {"body": self.body()} if self.maybe(0.5) else response

    def chance(self):
        if self.maybe(0.4):
            return {"draw": self.choice([0, 0.5, 0.9999999999999999, self.random()])}
        seed = self.choice([0, 1, 7, 2**53 - 1, 2**53, 2**64 - 1, self.getrandbits(64)])
        return {"seed": seed if seed < 2**53 and self.maybe(0.5) else str(seed)}

    def headers(self):
        headers = {}
        for name in [*HINT_HEADERS, "date", "age"]:
            if self.maybe(0.5):
                value = {"date": self.http_date, "age": lambda: self.choice(AGES)}.get(
                    name, self.hint
                )
                lines = [value() for _ in range(self.randrange(4))] if self.maybe(0.1) else value()
                headers[self.choice([name, name.title(), name.upper()])] = lines
        return headers

    def hint(self):
        value = self.choice([self.number, self.http_date, lambda: self.choice(JUNK)])()
        if self.maybe(0.1):
            value += self.choice([",", ", ", " ,\t"]) + self.hint()
        return f" {value}\t" if self.maybe(0.05) else self.mutated(value, 0.08)

    def number(self):
        whole = self.randrange(self.choice([200, 10**7]))
        return self.choice([f"{whole}", f"{whole}.{self.randrange(1000):03}"])

    def age(self):
        return self.choice(AGES)

    def http_date(self):
        """A date near now in one of the three formats, rarely far away or with a fault."""
        at = self.near_now()
        if self.maybe(0.1):
            at = at.replace(year=self.choice(YEARS), day=28)
        return self.mutated(at.strftime(self.choice(DATES).format(day=at.day)), 0.05)

    def near_now(self):
        away = [0, 1, 30_000, self.randrange(-(10**6), 10**6), self.randrange(3 * 10**9)]
        start = datetime(*self.choice(NOWS), tzinfo=timezone.utc)
        return start + timedelta(milliseconds=self.choice(away))

    def now(self):
        at = self.near_now()
        text = at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")
        return text.replace("+00:00", "Z")

    def mutated(self, text, probability):
        """Once in a while the text with one character lost, doubled or replaced."""
        if not text or not self.maybe(probability):
            return text
        at = self.randrange(len(text))
        put = self.choice(["", text[at] * 2, self.choice(' ,.:-09aZ\t{}[]"\\é')])
        return text[:at] + put + text[at + 1 :]

    def body(self):
        document = {"error": self.error()}
        if self.maybe(0.3):
            document = {"id": "req", **document, "usage": {"tokens": [1, 2.5e3]}}
        if self.maybe(0.5):
            return document
        text = json.dumps(document, ensure_ascii=self.maybe(0.5))
        cut = text[: self.randrange(len(text) + 1)]
        odd = self.choice([text, f" \n{text} more", text + text, *BODIES])
        return self.choice([cut, self.mutated(text, 1), odd])

    def error(self):
        if self.maybe(0.1):
            return self.choice(["busy", "", None, [{"type": "api_error"}], 1, -1, 1.5, False])
        parts = {
            "message": self.choice(["slow down", "", None, 'é\n"', ["x"], 3]),
            "type": self.choice([*TYPES, *TYPES, None, 7, ["api_error"], {"type": "api_error"}]),
            "code": self.choice([*CODES, "", None, 1300, 0, -1, 1.5, True, 2**63]),
            "param": self.choice(["model", None, 0]),
            "other": self.choice([None, [1, [2]], {"error": {"type": "api_error"}}]),
        }
        return {name: parts[name] for name in self.sample(list(parts), self.randrange(6))}
