"""What the server says of the wait: Retry-After (RFC 9110 section 10.2.3) and its relatives."""

import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
LAST_MS = (datetime(9949, 1, 1, tzinfo=timezone.utc) - EPOCH) // MILLISECOND
# RFC 9111 section 1.2.2: a number of seconds that is too large to be held is 2^31.
SATURATED_MS = 2**31 * 1000

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAY = "|".join(
    f"{day[:3]}|{day}" for day in "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
)
# The three formats of RFC 9110 section 5.6.7, which a recipient must accept, and what it may
# forgive: another weekday or none, a day of one digit, letters of another case, the zone.
BEFORE, AFTER = rf"(?:(?:{WEEKDAY}),?\s+)?", r"(?:\s+(?:GMT|UTC|[+-]0000))?"
DAY, MONTH, YEAR = r"(?P<day>\d\d?)", f"(?P<month>{'|'.join(MONTHS)})", r"(?P<year>\d{4})"
TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
DATES = [
    re.compile(BEFORE + form + AFTER, re.ASCII | re.IGNORECASE)
    for form in (
        rf"{DAY}\s+{MONTH}\s+{YEAR}\s+{TIME}",  # IMF-fixdate
        rf"{DAY}-{MONTH}-(?P<year>\d\d(?:\d\d)?)\s+{TIME}",  # RFC 850
        rf"{MONTH}\s+{DAY}\s+{TIME}\s+{YEAR}",  # asctime
    )
]
# The comma after a date's weekday does not part two members of a list.
COMMA = re.compile(r"(?<!\bMon|\bTue|\bWed|\bThu|\bFri|\bSat|\bSun)(?<!day),", re.IGNORECASE)
DECIMAL = re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII)


def read_hint(names, headers, now_ms):
    """The first of the headers `names` that can be read, as `{"ms", "from"}`, or `None`."""
    for name in names:
        lines = values_of(headers, name)
        if name == "retry-after":
            lines = [member.strip(" \t") for line in lines for member in COMMA.split(line)]
        waits = [_wait(name, line, headers, now_ms) for line in lines]
        if waits and None not in waits:
            return {"ms": max(waits), "from": name}
    return None


def values_of(headers, name):
    """The values of every line with this name, whatever its case (RFC 9110 section 5.1)."""
    lines = []
    for key, value in headers.items():
        if key.lower() == name:
            lines += value if isinstance(value, list) else [value]
    return [line.strip(" \t\r") for line in lines]


def _wait(name, text, headers, now_ms):
    if name == "x-amz-retry-after" and "." in text:  # whole milliseconds
        return None
    if name != "retry-after":
        return decimal(text, 0)
    wait = decimal(text, 3)
    if wait is not None:
        return wait
    server_now_ms = _server_now(headers, now_ms)
    when_ms = http_date(text, server_now_ms)
    if when_ms is None or server_now_ms is None:
        return None
    return min(SATURATED_MS, max(0, when_ms - server_now_ms))


def decimal(text, shift):
    """Digits with or without decimals, times 10^shift, rounded up; `None` for anything else."""
    match = DECIMAL.fullmatch(text)
    if not match:
        return None
    whole, decimals = match[1].lstrip("0"), (match[2] or "").ljust(shift, "0")
    if len(whole) > 13:
        return SATURATED_MS
    value = int(whole + decimals[:shift] or "0") + bool(decimals[shift:].strip("0"))
    return min(SATURATED_MS, value)


def _server_now(headers, now_ms):
    """The server's time: its Date and the Age of that (RFC 9111 section 4.2.3); without a Date
    that can be read, the time at which the response came (RFC 9110 section 6.6.1)."""
    date_ms = next((http_date(date, now_ms) for date in values_of(headers, "date")), None)
    if date_ms is None:
        return now_ms
    # RFC 9111 section 5.1: of a list the first member, and nothing but whole seconds.
    age = next((age.split(",")[0].strip(" \t") for age in values_of(headers, "age")), "")
    return date_ms + (0 if "." in age else decimal(age, 3) or 0)


def http_date(text, now_ms):
    """Milliseconds since 1970; `None` for what is no date."""
    match = next(filter(None, (form.fullmatch(text) for form in DATES)), None)
    if not match:
        return None
    month = MONTHS.index(match["month"].lower()) + 1
    day, hour, minute, second = (int(match[part]) for part in ("day", "hour", "minute", "second"))
    year = int(match["year"])
    if len(match["year"]) == 2:
        if now_ms is None:
            return None
        now = EPOCH + min(now_ms, LAST_MS) * MILLISECOND
        # "MUST interpret a timestamp that appears to be more than 50 years in the future as
        # representing the most recent year in the past that had the same last two digits."
        year += now.year // 100 * 100 + 100
        fifty_years_on = (now.year + 50, *now.timetuple()[1:6], now.microsecond)
        while (year, month, day, hour, minute, second, 0) > fifty_years_on:
            year -= 100
    if second > 60:  # 60 is a leap second
        return None
    try:
        minute_begins = datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:
        return None
    return (minute_begins - EPOCH) // MILLISECOND + second * 1000
