"""Random values of headers: numbers, durations, dates, structured fields, and none of them."""

from datetime import datetime, timedelta, timezone
from random import Random

AGES = ["0", "1", "60", "3600", "86400", "9" * 30, "-1", "1.5", "", "x", "60, 30", "007"]
DATES = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b {day:2} %H:%M:%S %Y"]
YEARS = [1970, 1994, 2000, 2038, 2075, 2076, 2077, 2100, 3000]
# Days like any other, a leap day, and the end of a century.
NOWS = [(2026, 1, 15, 12), (2026, 1, 15, 12), (2024, 2, 29, 0), (2099, 12, 31, 23)]
JUNK = [
    "", " ", "soon", "-5", "+5", "1e3", "0x10", "inf", "Infinity", "NaN", "1m0s", "5s",
    "120 seconds", "120;delta", "1_000", "１２０", "٣", ".5", "5.", "1.", "1..5", "1.5.5", "--1",
    "- 5", "null", "true", ",", "5,", ",5", "5,,6", "5, soon", "0", "00", "0005", "0.0", "0.0001",
    "0.129", "1.5", "2.0005", "59.9999999", "2147483", "2147483.647", "2147483.6471", "2147484",
    "2147483647", "2147483648", "2147483649", "4294967296", "1768478430", "9999999999",
    "18446744073709551615", "18446744073709551616", "9" * 30, "9" * 400, "0" * 50 + "7",
    "0." + "0" * 50 + "1", "-0", "+0", "-0.0", "-0.0001", "+0.0001", "-1e-400", "1e-400", "1e400",
    "-1e400", "1e308", "1.7976931348623158e308", "1.7976931348623159e308", "1E3", "1e+3", "1e-3",
    "2.5e-4", "5e", "5e+", "1e+2x", "1e1e1", "e5", ".", "+", "-", "+.", "-.5", ".5abc", "5abc",
    "5 abc", "5.5.5", "5..", "007", "+7", "-7abc", "0x", "0b1", "1 000", "0e9999999",
    "1e99999999999999999999", "1e-99999999999999999999", "-Infinity", "5;q=1", "5, 7", "5,7", '"5"',
    "1768478399.9985", "1768478399.9995", "+1768478430", "-1768478430", "1768478430.",
    "01768478430", "1.76847843e9", "99999999999.9999", "1768478430abc",
    "Thu, 15 Jan 2026 13:00:30 +0100", "Thu, 15 Jan 2026 06:30:30 -0530",
    "15 Jan 2026 12:00:30 -0000", "Thursday, 15-Jan-26 13:00:30 +0100",
    "Thu Jan 15 13:00:30 2026 +0100", "Thu, 15 Jan 2026 13:00:30+0100",
    "Thu, 15 Jan 2026 13:00:30 +01:00", "Thu, 15 Jan 2026 13:00:30 0100",
    "Thu, 15 Jan 2026 12:00:30 +2400", "Thu, 15 Jan 2026 12:00:30 +0060",
    "Thu, 15 Jan 2026 07:00:30 EST", "Fri, 16 Jan 2026 11:59:30 +2359",
    "Thu, 15 Jan 2026 13:00:30 GMT+0100", "2026-01-15T12:00:30Z", "2026-01-15 12:00:30",
    "Thu, 15 Jan 2026 12:00:30 gmt", "Thu, 15 Jan 2026 12:00:30 UTC",
    "Thu, 15 Jan 2026 12:00:30 +0000", "Thu, 15 Jan 2026 12:00:30", "Mon, 15 Jan 2026 12:00:30 GMT",
    "Foo, 15 Jan 2026 12:00:30 GMT", "thu, 15 jan 2026 12:00:30 GMT",
    "Thu, 5 Feb 2026 12:00:00 GMT", "Thu, 32 Jan 2026 12:00:30 GMT",
    "Mon, 30 Feb 2026 12:00:30 GMT", "Thu, 15 Jan 2026 24:00:00 GMT",
    "Thu, 15 Jan 2026 12:60:00 GMT", "Thu, 15 Jan 2026 23:59:60 GMT",
    "Thu, 15 Jan 2026 12:00:60 GMT", "Thu, 15 Jan 2026 12:00:61 GMT",
    "Thu,15 Jan 2026 12:00:30 GMT", "Thu,  15 Jan 2026 12:00:30 GMT", "15 Jan 2026 12:00:30 GMT",
    "Thu Jan 15 12:00:30 2026 GMT", "Thu Jan 5 12:00:30 2026", "Thu Jan  5 12:00:30 2026",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:60 GMT",
    "Sun, 29 Feb 2100 00:00:00 GMT", "Tue, 29 Feb 2028 00:00:00 GMT",
    "Thursday, 29-Feb-80 00:00:00 GMT", "Thursday, 29-Feb-00 00:00:00 GMT",
    "Thu, 15 Jan 2026 12:00:30 GMT, 30",
    "Thu, 15 Jan 2026 12:00:30 GMT, Thu, 15 Jan 2026 12:00:40 GMT",
    "30, Thursday, 15-Jan-26 12:00:30 GMT", "Thu, ", "Thu,", "Thu, Thu, 15 Jan 2026 12:00:30 GMT",
    "999999999", "999999999.9", "1000000000", "1768478430.5", "99999999999", "100000000000",
    "999999999999", "1000000000000", "1768478430000", "99999999999999", "100000000000000",
    "1h2m3.5s", "500us", "1500µs", "1500μs", "1ns", "0.5ms0.5ms", "1d", "1m 30s", "30S", "1ms1s1m",
    "2026-01-15t12:00:30.0001z", "2026-01-15T12:00:30", "2026-01-15T13:00:30+01:00",
    "2026-01-15T12:00:60-00:00", "2026-01-16T11:59:30.5+23:59", "2026-01-16T12:00:30+24:00",
    "2026-02-29T00:00:00Z", "2026-01-15T24:00:00Z", "2026-01-15T12:00Z", "2026-01-15T12:00:30+0100",
    "Thu Jan 15 2026 13:00:30 GMT+0100 (Central European Standard Time)",
    "Thu, Jan 5 2026 12:00:30 gmt-0530", "Jan 15 2026 12:00:30 GMT+0000 ()",
    "Thu Jan 15 2026 12:00:30 GMT", "Thu Jan 15 2026 12:00:30 GMT+2400",
    "Thu Jan 15 2026 12:00:30 GMT+0000 (X",
]  # fmt: skip
UNITS = "h m s ms us µs μs ns".split()
REMAINING = ["0", "0", "0", "0.0", "00", "1", "59", "-1", "", "x", "0, 5", "5, 0", "0,", "0.5"]
PUSHBACKS = [
    "0",
    "100",
    "2000",
    "2147483647",
    "2147483648",
    "-1",
    "-0",
    "007",
    "+5",
    "1.5",
    "abc",
    "",
]
WORDS = ["true", "false", "TRUE", "False", " true ", "1", "no", "", "false, true", "truely"]
LIMITS = ["rejected", "Rejected", "allowed", "allowed_warning", "", "rejected, allowed"]
ITEMS = [
    '"default"',
    '"a,b"',
    '"a;r=9"',
    '"q\\"\\\\"',
    "default",
    "*a:/",
    '"é"',
    "5",
    "(a b)",
    '"a',
]
PARAMETERS = [
    "r=0", "r=0", "r=0", "t=5", "t=5", "t=60", "r=1", "r=-1", "t=-5", "r=00", "t=007", "t=5.0", "r",
    "t=999999999999999", "t=1000000000000000", "pk=:QXBwLTk5OQ==:", "x=?1", "x=?2", "x=1.5",
    "x=1.2345", "x=@1659578233", "x=tok", 'x="y"', "*x=1", "X=1", "x=", "a.b_c-d=*", " t=9",
    "\tr=0",
]  # fmt: skip
FIELDS = [
    "limit=100", "remaining=0", "remaining=0", "reset=50", "reset=50", "remaining=3", "reset=x",
    "remaining=0;w=1", "reset=5.5", 'policy="a"', "reset=-1", '"a";r=0;t=5',
]  # fmt: skip
BETWEEN = [", ", ",", " ,\t", ", , ", " "]


class ValueGenerator(Random):
    def maybe(self, probability):
        return self.random() < probability

    def value(self, name):
        """A value for the header of this name."""
        for part, make in {
            "date": self.http_date,
            "age": lambda: self.choice(AGES),
            "pushback": lambda: self.choice(PUSHBACKS),
            "should-retry": lambda: self.choice(WORDS),
            "-remaining": lambda: self.choice(REMAINING),
            "-status": lambda: self.choice(LIMITS),
            "-ms": self.milliseconds,
            "x-amz": self.milliseconds,
        }.items():
            if part in name:
                return self.mutated(make(), 0.02)
        return self.rate_limit() if name == "ratelimit" else self.wait()

    def milliseconds(self):
        numbers = [self.number(), self.loose_number(), str(self.randrange(5000))]
        value = self.choice([*numbers, self.choice(JUNK), self.wait()])
        return self.listed(value, self.milliseconds)

    def wait(self):
        makers = [self.number, self.http_date, self.duration, self.timestamp, self.epoch]
        makers += [self.epoch, self.loose_number, self.email_date, lambda: self.choice(JUNK)]
        value = self.choice(makers)()
        value = self.listed(value, self.wait)
        return f" {value}\t" if self.maybe(0.05) else self.mutated(value, 0.08)

    def listed(self, value, make):
        return value + self.choice([",", ", ", " ,\t"]) + make() if self.maybe(0.1) else value

    def number(self):
        whole = self.randrange(self.choice([10, 200, 10**7]))
        return self.choice([f"{whole}", f"{whole}.{self.randrange(1000):03}"])

    def loose_number(self):
        """A number as some clients forgive it: a sign, a power, digits missing, a word after it."""
        text = self.choice(["", "-", "-", "+"]) + self.choice(["", "", "", ".", "00"])
        text += self.choice([str(self.randrange(100)), self.number()])
        power = self.randrange(-9, 9)
        for ends in ["."], [f"e{power}", f"E{power:+}", "e"], ["s", " seconds", ";x"]:
            text += self.choice(ends) if self.maybe(0.2) else ""
        return text

    def duration(self):
        terms = [self.number() + self.choice(UNITS) for _ in range(self.choice([1, 1, 2, 3]))]
        return "".join(terms)

    def epoch(self):
        seconds = self.near_now().timestamp()
        return self.choice([f"{int(seconds)}", f"{seconds:.3f}", f"{int(seconds * 1000)}"])

    def timestamp(self):
        """A time as RFC 3339 or JavaScript writes it."""
        at = self.near_now().astimezone(timezone(timedelta(minutes=self.randrange(-1439, 1440))))
        javascript = at.strftime("%a %b %d %Y %H:%M:%S GMT%z") + self.choice(["", " (X)", " (Y Z)"])
        text = self.choice([at.isoformat(), at.isoformat(timespec="milliseconds"), javascript])
        return self.mutated(text, 0.05)

    def http_date(self):
        """A date near now in one of the three formats, rarely far away or with a fault."""
        at = self.near_now()
        if self.maybe(0.1):
            at = at.replace(year=self.choice(YEARS), day=28)
        return self.mutated(at.strftime(self.choice(DATES).format(day=at.day)), 0.05)

    def email_date(self):
        at = self.near_now().astimezone(timezone(timedelta(minutes=self.randrange(-1439, 1440))))
        forms = [form.replace("GMT", "%z") for form in DATES[:2]] + [DATES[2] + " %z"]
        return self.mutated(at.strftime(self.choice(forms).format(day=at.day)), 0.05)

    def near_now(self):
        away = [0, 1, 30_000, self.randrange(-(10**6), 10**6), self.randrange(3 * 10**9)]
        start = datetime(*self.choice(NOWS), tzinfo=timezone.utc)
        return start + timedelta(milliseconds=self.choice(away))

    def rate_limit(self):
        members = [self.quota, lambda: self.choice(FIELDS)][self.maybe(0.4)]
        texts = [members() for _ in range(self.choice([1, 1, 2, 3, 4]))]
        field = texts[0]
        for text in texts[1:]:
            field += self.choice([", ", ", ", ",", *BETWEEN]) + text
        return self.mutated(field, 0.08)

    def quota(self):
        item = self.choice(ITEMS) if self.maybe(0.3) else '"default"'
        odd = self.maybe(0.3)
        parameters = self.sample(PARAMETERS if odd else PARAMETERS[:7], self.choice([2, 2, 3, 4]))
        return ";".join([item, *parameters])

    def mutated(self, text, probability):
        """Once in a while the text with one character lost, doubled or replaced."""
        if not text or not self.maybe(probability):
            return text
        at = self.randrange(len(text))
        put = self.choice(["", text[at] * 2, self.choice(' ,.:;-09aZ\t{}[]"\\é')])
        return text[:at] + put + text[at + 1 :]
