"""The few response headers that a decision reads, out of whatever an HTTP client has them in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

HeaderText: TypeAlias = str | bytes
HeaderPair: TypeAlias = tuple[HeaderText, HeaderText | Sequence[HeaderText]]


class HasItems(Protocol):
    """What lists itself as pairs: any mapping, and the standard library's messages."""

    def items(self) -> Iterable[HeaderPair]:
        """List the pairs."""
        ...


Headers: TypeAlias = HasItems | Iterable[HeaderPair]
"""Response headers: what httpx, requests, urllib3, aiohttp or the standard library has them in, a
mapping, or pairs of name and value. A value may be a list, for a header that came repeatedly. Names
are compared without regard to case."""


class HeaderNames:
    """The names of the headers that are read.

    A policy may read more names than a response has headers, so each header that came is looked up
    among the names, and not each name among the headers.
    """

    __slots__ = ("_encoded", "_names")

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names, which are in lower case."""
        self._names = frozenset(names)
        self._encoded = {name.encode(): name for name in self._names}

    def lines(self, headers: Headers) -> bytes:
        """Write the headers with these names as lines `name: value`."""
        try:
            lines = _reader(type(headers))(self, headers)
        except (AttributeError, TypeError, ValueError) as error:
            message = f"headers: `{headers!r:.60}` is not a mapping or pairs of text"
            raise TypeError(message) from error
        # A lone surrogate has no place in UTF-8.
        return lines.encode("utf-8", "replace")

    def _from_raw(self, headers: Any) -> str:
        # httpx decodes all headers to find one; its raw names cost less.
        encoded = self._encoded
        lines = ""
        for name, value in headers.raw:
            if (lower := name.lower()) in encoded:
                lines += _line(encoded[lower], value)
        return lines

    def _by_name(self, headers: Any) -> str:
        names = self._names
        return "".join([_line(name, headers[name]) for name in headers if name.lower() in names])

    def _by_getlist(self, headers: Any) -> str:
        names = self._names
        lines = ""
        for name in headers:
            if name.lower() in names:
                for value in headers.getlist(name):
                    lines += _line(name, value)
        return lines

    def _from_items(self, headers: Any) -> str:
        return self._from_pairs(headers.items())

    def _from_pairs(self, pairs: Iterable[HeaderPair]) -> str:
        names = self._names
        lines = ""
        for raw_name, value in pairs:
            name = raw_name if isinstance(raw_name, str) else _text(raw_name)
            if name.lower() in names:
                if isinstance(value, (str, bytes)):
                    lines += _line(name, value)
                else:
                    lines += "".join([_line(name, line) for line in value])
        return lines


@lru_cache(maxsize=64)
def _reader(kind: type) -> Callable[[HeaderNames, Any], str]:
    """Find the cheapest way to all headers that headers of this type have."""
    if hasattr(kind, "multi_items") and hasattr(kind, "raw"):  # httpx
        return HeaderNames._from_raw
    if hasattr(kind, "lower_items"):  # requests, which joins repeated lines itself
        return HeaderNames._by_name
    if hasattr(kind, "getlist"):  # urllib3
        return HeaderNames._by_getlist
    if hasattr(kind, "items"):  # mappings, aiohttp, the standard library's messages
        return HeaderNames._from_items
    return HeaderNames._from_pairs


def _line(name: str, value: HeaderText) -> str:
    text = value if isinstance(value, str) else _text(value)
    if "\n" in text or "\0" in text:
        text = text.replace("\n", " ").replace("\0", " ")
    return f"{name}: {text}\n"


def _text(text: object) -> str:
    if isinstance(text, bytes):
        return text.decode("latin-1")
    message = f"`{text!r}` is no text"
    raise TypeError(message)
