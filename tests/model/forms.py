"""The forms of value that an entry of `hint.sources` names in `reads`.

Each gives milliseconds, below 0 for what is past, or `None` for what it can't read.
"""

import re
from fractions import Fraction
from math import ceil, floor

from dates import EMAIL_DATES, HTTP_DATES, TIMESTAMPS, date
from values import decimal, until

WHOLE = r"[0-9]+"
INTEGER = r"[+-]?[0-9]+"
FLOAT = re.compile(
    r"(?P<sign>[+-]?)(?=\.?[0-9])(?P<whole>[0-9]*)(?:\.(?P<decimals>[0-9]*))?"
    r"(?:[eE](?P<power>[+-]?[0-9]+))?"
)


def read_form(form, text, ms_per_unit, clock_ms):
    if form in NUMBERS:
        number = NUMBERS[form](text)
        return None if number is None else away_from_0(number * ms_per_unit)
    return until(INSTANTS[form](text, clock_ms), clock_ms)


def away_from_0(ms):
    """So that a number below 0 stays one, however small it is."""
    return ceil(ms) if ms > 0 else floor(ms)


# --- numbers -------------------------------------------------------------------------------------


def matching(pattern):
    return lambda text: int(text) if re.fullmatch(pattern, text) else None


def exact(number):
    """The number that was matched, which need not be one that a double can hold."""
    if number is None:
        return None
    decimals = number["decimals"] or ""
    digits = number["whole"] + decimals
    if int(digits) == 0:
        return Fraction(0)
    power = int(number["power"] or 0) - len(decimals)
    # What is smaller is rounded up to a millisecond, and what is larger is too long, either way.
    power = min(max(power, -len(digits) - 10), 30)
    return (-1 if number["sign"] == "-" else 1) * int(digits) * Fraction(10) ** power


NUMBERS = {
    "whole": matching(WHOLE),
    "integer": matching(INTEGER),
    "float": lambda text: exact(FLOAT.fullmatch(text)),
    "leading_float": lambda text: exact(FLOAT.match(text)),
}


# --- instants, in milliseconds since 1970 --------------------------------------------------------


def unix_seconds(text, _):
    number = decimal(text)
    return ceil(number * 1000) if number is not None and 10**9 <= number < 10**11 else None


def dated(forms):
    return lambda text, clock_ms: date(text, clock_ms, forms)


INSTANTS = {
    "unix_seconds": unix_seconds,
    "http_date": dated(HTTP_DATES),
    "email_date": dated(EMAIL_DATES),
    "date": dated(EMAIL_DATES + TIMESTAMPS),
}
FORMS = [*NUMBERS, *INSTANTS]
