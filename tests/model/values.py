"""What the value of a header says: numbers, durations, dates, lists. `None` for what can't be read.

Waits are milliseconds, rounded up.
"""

import re
import sys
from fractions import Fraction
from math import ceil

from dates import WEEKDAY, date

sys.set_int_max_str_digits(0)  # however many digits a server sends

BLANKS = " \t\n\r\f"
DECIMAL = r"\d+(?:\.\d+)?"
NANOSECONDS = {
    "d": 24 * 3600 * 10**9,  # in words only
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "\u00b5s": 10**3,  # the micro sign
    "\u03bcs": 10**3,  # the letter mu
    "ns": 1,
}
TERM = rf"({DECIMAL})(h|ms|m|s|us|\u00b5s|\u03bcs|ns)"
# A comma after the weekday that begins a date does not part two members of a list.
MEMBER = re.compile(rf"\s*(?:(?:{WEEKDAY}),)?[^,]*", re.ASCII | re.IGNORECASE)


def decimal(text):
    """Digits with or without decimals, as an exact number."""
    return Fraction(text) if re.fullmatch(DECIMAL, text, re.ASCII) else None


def milliseconds(text):
    number = decimal(text)
    return None if number is None else ceil(number)


def whole(text):
    return int(text) if re.fullmatch(r"\d+", text, re.ASCII) else None


def pushback(text):
    """A canonical int32, as gRFC A6 has it."""
    canonical = re.fullmatch(r"0|-?[1-9]\d*", text, re.ASCII)
    return int(text) if canonical and -(2**31) <= int(text) < 2**31 else None


def wait(text, clock_ms):
    """Seconds, a duration, or a date measured against the server's clock."""
    number = decimal(text)
    if number is None:
        duration = go_duration(text)
        return until(date(text, clock_ms), clock_ms) if duration is None else duration
    if 10**9 <= int(number) < 10**11:  # from 2001 to 5138
        return until(ceil(number * 1000), clock_ms)
    if 10**12 <= int(number) < 10**14:
        return until(ceil(number), clock_ms)
    return ceil(number * 1000)


def until(at_ms, clock_ms):
    """The time from now to then, below 0 for what is past."""
    return None if at_ms is None or clock_ms is None else at_ms - clock_ms


def go_duration(text):
    """As Go's `time.Duration` prints itself: 1m9.696s."""
    if not re.fullmatch(f"(?:{TERM})+", text, re.ASCII):
        return None
    return sum_of_terms(re.findall(TERM, text, re.ASCII))


def sum_of_terms(terms):
    """Milliseconds of pairs of a number and a unit."""
    return ceil(
        Fraction(sum(ceil(Fraction(number) * NANOSECONDS[unit]) for number, unit in terms), 10**6)
    )


def longest(lines, read):
    """The longest wait of the lists in these lines, of which every member must be readable."""
    waits = [read(member) for line in lines for member in members(line)]
    return max(waits) if waits and None not in waits else None


def members(line):
    at = 0
    while at <= len(line):
        member = MEMBER.match(line, at)
        yield member[0].strip(BLANKS)
        at = member.end() + 1


def lines_of(headers, name):
    """The values of every line with this name, whatever its case (RFC 9110 section 5.1)."""
    lines = []
    for key, value in headers.items():
        if key.lower() == name:
            lines += value if isinstance(value, list) else [value]
    return [line.strip(BLANKS) for line in lines]
