"""A response as the rules and the sources of hints see it."""

from dataclasses import dataclass

from dates import http_date
from error_body import ErrorBody
from values import lines_of, longest, members, wait, whole


@dataclass(frozen=True)
class Response:
    received_status: int
    headers: dict
    body: ErrorBody | None
    clock_ms: int | None

    @property
    def success(self):
        """A 2xx, unless its body says that it is an error."""
        return 200 <= self.received_status <= 299 and not (self.body and self.body.marked)

    @property
    def status(self):
        """An error under 2xx has the status that its body gives, which may be none."""
        if 200 <= self.received_status <= 299 and not self.success:
            return self.body.status
        return self.received_status

    @property
    def error(self):
        """The error for rules and hints: a success has none, whatever its body holds."""
        return None if self.success else self.body

    @property
    def age(self):
        return age_of(self.headers)

    def has_status(self, items):
        """Whether its status is one of these, or in a range such as "500-599"."""
        return any(_in_range(self.status, item) for item in items)

    def lines(self, name):
        return lines_of(self.headers, name)

    def members(self, name):
        """What all lines of this header list: a folded line means what its parts mean."""
        return [member for line in self.lines(name) for member in members(line)]

    def wait(self, name):
        """The longest of what this header lists: seconds, durations, dates."""
        return longest(self.lines(name), lambda text: wait(text, self.clock_ms))


def read_response(status, headers, body, now_ms, clock="server"):
    clock_ms = now_ms if clock == "local" else server_clock(headers, now_ms)
    return Response(status, headers, body, clock_ms)


def server_clock(headers, now_ms):
    """The server's time: its Date and the Age of that (RFC 9111 section 4.2.3); without a Date
    that can be read, the time at which the response came (RFC 9110 section 6.6.1)."""
    date_ms = next((http_date(date, now_ms) for date in lines_of(headers, "date")), None)
    return now_ms if date_ms is None else date_ms + age_of(headers) * 1000


def age_of(headers):
    """RFC 9111 section 5.1: of a list the first member, and nothing but whole seconds."""
    first = next((line.split(",")[0].strip() for line in lines_of(headers, "age")), "")
    return min(2**31, whole(first) or 0)


def _in_range(status, item):
    if status is None or isinstance(item, int):
        return status == item
    first, last = item.split("-")
    return int(first) <= status <= int(last)
