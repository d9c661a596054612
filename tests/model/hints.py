"""Which hint counts: what the server says of the wait, in headers and in the error body."""

import re
from dataclasses import dataclass, replace
from math import ceil

import ratelimit
from error_body import retry_delay
from error_class import SECONDARY_RATE_LIMIT
from forms import read_form
from values import decimal, longest, milliseconds, pushback, sum_of_terms, whole

# RFC 9111 section 1.2.2: a number of seconds that is too large to be held is 2^31.
SATURATED_MS = 2**31 * 1000


@dataclass(frozen=True)
class Hint:
    source: str
    ms: int
    past: bool  # a time before now or a number below 0; `ms` is 0 then
    form: str | None  # by which of the entry's `reads` it was read
    at_most: bool  # whether the next request is let through before that
    jitter: dict | None  # the entry's own


def read_hint(rules, response):
    """The first of the sources that gives a wait, or `None`."""
    if "status" in rules and not response.has_status(rules["status"]):
        return None
    for entry in rules.get("sources", []):
        entry = entry if isinstance(entry, dict) else {"source": entry}
        name, form = entry["source"], None
        if "reads" in entry:
            repeated = rules.get("repeated", "joined")
            ms, form = read_by_forms(name, entry["reads"], repeated, response)
        else:
            ms = SOURCES[name](response)
        if ms is not None and not is_passed_over(ms, rules):
            past, ms = ms < 0, min(max(0, ms), SATURATED_MS)
            at_most = form is None and is_upper_bound(name, ms, response)
            return Hint(name, ms, past, form, at_most, entry.get("jitter"))
    return None


def is_passed_over(ms, rules):
    """For the next source. What is past counts as 0 where nothing else is said of it."""
    if ms < 0 and rules.get("past", "zero") != "zero":
        return rules["past"] == "next"
    return ms <= 0 and rules.get("zero") == "next"


def read_by_forms(name, forms, repeated, response):
    """What the header of exactly this name says as one value, and the form that could read it."""
    lines = response.lines(name)
    if len(lines) > 1 and repeated == "joined":
        forms = [form for form in forms if form == "leading_float"]
    per_unit = 1 if name in IN_MILLISECONDS else 1000
    for form in forms if lines else []:
        line = lines[-1] if repeated == "last" else lines[0]
        ms = read_form(form, line, per_unit, response.clock_ms)
        if ms is not None:
            return ms, form
    return None, None


def is_upper_bound(name, ms, response):
    """OpenAI's limits of requests and of tokens tell when they are full again, the header without
    such a name when it is reset."""
    families = {"x-ratelimit-reset": "x-ratelimit", "x-rate-limit-reset": "x-rate-limit"}
    family = families.get(name)
    if family is None:
        return False
    of_reset = bucket(f"{family}-reset", f"{family}-remaining")(response)
    return of_reset is None or min(of_reset, SATURATED_MS) < ms


# --- headers -------------------------------------------------------------------------------------


def listed(name, read):
    return lambda response: longest(response.lines(name), read)


def waits(name):
    return lambda response: response.wait(name)


def grpc_retry_pushback(response):
    waits = [pushback(text) for text in response.members("grpc-retry-pushback-ms")]
    return max(waits) if waits and all(ms is not None and ms >= 0 for ms in waits) else None


def rate_limit(response):
    seconds = ratelimit.seconds(", ".join(response.lines("ratelimit")))
    return None if seconds is None else seconds * 1000


def unless_aged(read):
    """A response out of a cache tells of the quota of another time."""
    return lambda response: None if response.age > 0 else read(response)


# --- times at which a bucket is full again, which are hints only where it is empty ----------------


def bucket(reset, remaining):
    def read(response):
        lines = response.lines(remaining)
        empty = least(lines) == 0 if lines else response.status == 429
        return response.wait(reset) if empty else None

    return read


def least(lines):
    numbers = [decimal(text.strip()) for line in lines for text in line.split(",")]
    return None if None in numbers else min(numbers)


def family(prefix, ends):
    return [bucket(f"{prefix}-reset{end}", f"{prefix}-remaining{end}") for end in ends]


def anthropic(name):
    return bucket(f"anthropic-ratelimit-{name}-reset", f"anthropic-ratelimit-{name}-remaining")


def unified(window):
    """The limits of an Anthropic subscription, which have a status in place of a remainder."""

    def read(response):
        status = next(iter(response.lines(f"anthropic-ratelimit-unified{window}-status")), "")
        rejected = status.lower() == "rejected"
        return response.wait(f"anthropic-ratelimit-unified{window}-reset") if rejected else None

    return read


def longest_of(buckets):
    def read(response):
        waits = [bucket(response) for bucket in buckets]
        return max((ms for ms in waits if ms is not None), default=None)

    return read


# --- the error body ------------------------------------------------------------------------------


def in_body(read):
    return lambda response: read(response.error) if response.error else None


def retry_info(error):
    """The delay of a google.rpc.RetryInfo: a google.protobuf.Duration, as JSON has it."""
    delay = retry_delay(error)
    if delay is None or not re.fullmatch(r"[0-9]+(\.[0-9]{1,9})?s", delay):
        return None
    return ceil(decimal(delay.removesuffix("s")) * 1000)


def retry_after(error):
    seconds = error.retry_after
    if isinstance(seconds, str):
        seconds = decimal(seconds)
    if seconds is None or isinstance(seconds, bool | list | dict) or seconds < 0:
        return None
    return ceil(seconds * 1000)


def metadata_headers(response):
    """The headers of the provider, which OpenRouter passes on in the body."""
    metadata = response.error.metadata if response.error else None
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    if not isinstance(headers, dict):
        return None
    texts = {name: str(value) for name, value in headers.items() if type(value) in (str, int)}
    provider = replace(response, headers=texts)
    wait = provider.wait("retry-after")
    return bucket("x-ratelimit-reset", "x-ratelimit-remaining")(provider) if wait is None else wait


PHRASE = re.compile(r"(?:try again in|try again after|retry in|retry after) ", re.ASCII | re.I)
TERM = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-zµμ]+)")
BETWEEN = re.compile(r"(?:,? and |, | )?")
WORDS = {
    "d": "d day days",
    "h": "h hr hrs hour hours",
    "m": "m min mins minute minutes",
    "s": "s sec secs second seconds",
    "ms": "ms millisecond milliseconds",
    "us": "us µs μs",
    "ns": "ns",
}
UNITS = {word: unit for unit, words in WORDS.items() for word in words.split()}


def message(error):
    text = error.message or ""
    for phrase in PHRASE.finditer(text):
        terms, at = [], phrase.end()
        while (term := TERM.match(text, at)) and term[2].lower() in UNITS:
            terms.append((term[1], UNITS[term[2].lower()]))
            at = BETWEEN.match(text, term.end()).end()
        if terms:
            return sum_of_terms(terms)
    return None


def secondary_rate_limit(error):
    """GitHub asks for "at least one minute" where nothing else is said."""
    return 60_000 if (error.message or "").startswith(SECONDARY_RATE_LIMIT) else None


SOURCES = {
    "grpc-retry-pushback-ms": grpc_retry_pushback,
    "retry-after-ms": listed("retry-after-ms", milliseconds),
    "x-ms-retry-after-ms": listed("x-ms-retry-after-ms", milliseconds),
    "x-amz-retry-after": listed("x-amz-retry-after", whole),
    "retry-after": waits("retry-after"),
    "body-retry-info": in_body(retry_info),
    "body-retry-after": in_body(retry_after),
    "ratelimit": unless_aged(rate_limit),
    "ratelimit-reset": unless_aged(bucket("ratelimit-reset", "ratelimit-remaining")),
    "x-ratelimit-reset-after": bucket("x-ratelimit-reset-after", "x-ratelimit-remaining"),
    "x-ratelimit-retry-after": waits("x-ratelimit-retry-after"),
    "x-ratelimit-reset": longest_of(
        family("x-ratelimit", ["", "-requests", "-tokens", "-tokens_usage_based"])
    ),
    "x-rate-limit-reset": longest_of(family("x-rate-limit", ["", "-requests", "-tokens"])),
    "anthropic-ratelimit": longest_of(
        [anthropic(name) for name in ("requests", "tokens", "input-tokens", "output-tokens")]
        + [unified(window) for window in ("", "-5h", "-7d")]
    ),
    "body-metadata-headers": metadata_headers,
    "body-message": in_body(message),
    "body-secondary-rate-limit": in_body(secondary_rate_limit),
}
# Those that are one header with a wait or a time, which an entry may have read in other forms.
IN_MILLISECONDS = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"]
OF_ONE_HEADER = [
    *["retry-after", *IN_MILLISECONDS, "x-ratelimit-retry-after", "ratelimit-reset"],
    *["x-ratelimit-reset", "x-ratelimit-reset-after", "x-rate-limit-reset"],
]
