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

Reader: TypeAlias = Callable[[Any, tuple[str, ...]], str]


def header_lines(headers: Headers, names: tuple[str, ...]) -> bytes:
    """Write the headers with these names (in lower case) as lines `name: value`."""
    try:
        lines = _reader(type(headers))(headers, names)
    except (AttributeError, TypeError, ValueError) as error:
        message = f"headers: `{headers!r:.60}` is not a mapping or pairs of text"
        raise TypeError(message) from error
    # A lone surrogate has no place in UTF-8.
    return lines.encode("utf-8", "replace")


@lru_cache(maxsize=64)
def _reader(kind: type) -> Reader:
    """Find the cheapest way to all values of a name that headers of this type have."""
    if hasattr(kind, "multi_items") and hasattr(kind, "raw"):  # httpx
        return _from_raw
    if hasattr(kind, "lower_items"):  # requests, which joins repeated lines itself
        return _by_get
    if hasattr(kind, "getlist"):  # urllib3
        return _by_getlist
    if hasattr(kind, "items"):  # mappings, aiohttp, the standard library's messages
        return lambda headers, names: _from_pairs(headers.items(), names)
    return _from_pairs


def _from_raw(headers: Any, names: tuple[str, ...]) -> str:
    # httpx decodes all headers to find one; its raw names cost less.
    wanted = _by_raw_name(names)
    lines = ""
    for name, value in headers.raw:
        if (lower := name.lower()) in wanted:
            lines += _line(wanted[lower], value)
    return lines


@lru_cache(maxsize=64)
def _by_raw_name(names: tuple[str, ...]) -> dict[bytes, str]:
    return {name.encode(): name for name in names}


def _by_get(headers: Any, names: tuple[str, ...]) -> str:
    lines = ""
    for name in names:
        value = headers.get(name)
        if value is not None:
            lines += _line(name, value)
    return lines


def _by_getlist(headers: Any, names: tuple[str, ...]) -> str:
    return "".join([_line(name, value) for name in names for value in headers.getlist(name)])


def _from_pairs(pairs: Iterable[HeaderPair], names: tuple[str, ...]) -> str:
    lines = ""
    for raw_name, value in pairs:
        name = (raw_name if isinstance(raw_name, str) else _text(raw_name)).lower()
        if name in names:
            values = [value] if isinstance(value, (str, bytes)) else value
            lines += "".join([_line(name, value) for value in values])
    return lines


def _line(name: str, value: HeaderText) -> str:
    text = value if isinstance(value, str) else _text(value)
    if "\n" in text or "\0" in text:
        text = text.replace("\n", " ").replace("\0", " ")
    return f"{name}: {text}\n"


def _text(text: object) -> str:
    if isinstance(text, bytes):
        return text.decode("latin-1")
    if isinstance(text, str):
        return text
    message = f"`{text!r}` is no text"
    raise TypeError(message)
