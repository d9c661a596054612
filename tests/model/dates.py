"""Dates, in milliseconds since 1970; `None` for what is no date."""

import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from math import ceil

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
LAST_MS = (datetime(9949, 1, 1, tzinfo=timezone.utc) - EPOCH) // MILLISECOND

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAY = "|".join(
    f"{day[:3]}|{day}" for day in "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
)
BEFORE, AFTER = rf"(?:(?:{WEEKDAY}),?\s+)?", r"(?:\s+(?:GMT|UTC|[+-]0000))?"
DAY, MONTH, YEAR = r"(?P<day>\d\d?)", f"(?P<month>{'|'.join(MONTHS)})", r"(?P<year>\d{4})"
TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
OFFSET = r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3]){}(?P<minutes>[0-5]\d)"
# The three formats of RFC 9110 section 5.6.7, which a recipient must accept, and what it may
# forgive: another weekday or none, a day of one digit, letters of another case, the zone.
# IMF-fixdate, RFC 850 and asctime.
HTTP_FORMS = [
    rf"{BEFORE}{DAY}\s+{MONTH}\s+{YEAR}\s+{TIME}",
    rf"{BEFORE}{DAY}-{MONTH}-(?P<year>\d\d(?:\d\d)?)\s+{TIME}",
    rf"{BEFORE}{MONTH}\s+{DAY}\s+{TIME}\s+{YEAR}",
]
TIMESTAMP_FORMS = [
    # RFC 3339, in which a missing zone is UTC
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T"
    rf"{TIME}(?:\.(?P<decimals>\d+))?(?:Z|{OFFSET.format(':')})?",
    # JavaScript's Date.toString()
    rf"{BEFORE}{MONTH}\s+{DAY}\s+{YEAR}\s+{TIME}\s+GMT{OFFSET.format('')}(?:\s*\(.*\))?",
]


def compiled(forms, end=""):
    return [re.compile(form + end, re.ASCII | re.IGNORECASE) for form in forms]


HTTP_DATES = compiled(HTTP_FORMS, AFTER)
# RFC 5322 section 3.3: the zone as hours and minutes.
EMAIL_DATES = HTTP_DATES + compiled(HTTP_FORMS, rf"\s+{OFFSET.format('')}")
TIMESTAMPS = compiled(TIMESTAMP_FORMS)


def date(text, now_ms, forms=HTTP_DATES + TIMESTAMPS):
    match = next(filter(None, (form.fullmatch(text) for form in forms)), None)
    if not match:
        return None
    parts = match.groupdict()
    name = parts["month"].lower()
    month = MONTHS.index(name) + 1 if name in MONTHS else int(name)
    day, hour, minute, second = (int(parts[part]) for part in ("day", "hour", "minute", "second"))
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        if now_ms is None:
            return None
        year = _nearest_year(year, (month, day, hour, minute, second, 0), now_ms)
    if second > 60:  # 60 is a leap second
        return None
    try:
        minute_begins = datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:
        return None
    seconds = second + Fraction("0." + (parts.get("decimals") or "0"))
    return (minute_begins - EPOCH) // MILLISECOND + ceil(seconds * 1000) - _offset_ms(parts)


def http_date(text, now_ms):
    return date(text, now_ms, HTTP_DATES)


def _nearest_year(year, rest, now_ms):
    """RFC 9110 section 5.6.7: "MUST interpret a timestamp that appears to be more than 50 years in
    the future as representing the most recent year in the past that had the same last two digits."
    """
    now = EPOCH + min(now_ms, LAST_MS) * MILLISECOND
    year += now.year // 100 * 100 + 100
    fifty_years_on = (now.year + 50, *now.timetuple()[1:6], now.microsecond)
    while (year, *rest) > fifty_years_on:
        year -= 100
    return year


def _offset_ms(parts):
    """How far the zone is ahead of UTC."""
    if not parts.get("sign"):
        return 0
    minutes = int(parts["hours"]) * 60 + int(parts["minutes"])
    return (minutes if parts["sign"] == "+" else -minutes) * 60_000
