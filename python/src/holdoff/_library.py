"""Decisions straight from the library, past the generated module.

The generated `Policy.decide` takes 6 µs, nearly all of it for the wrapping of its three arguments.
This makes the same two calls with the same arguments in 2 µs. What it knows of uniffi's border is
what the generated module of the same wheel declares, for the one version of uniffi that the
workspace pins.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, TypeVar

from holdoff._native import holdoff_uniffi as native

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _ForeignBytes(ctypes.Structure):
    _fields_ = [("len", ctypes.c_int32), ("data", ctypes.c_char_p)]


# Unlike `CDLL` it keeps the interpreter's lock, for which it could wait longer than it decides.
_library = ctypes.PyDLL(native._UniffiLib._name, handle=native._UniffiLib._handle)
_clone = _library.uniffi_holdoff_uniffi_fn_clone_policy
_clone.argtypes = (ctypes.c_uint64, ctypes.c_void_p)
_clone.restype = ctypes.c_uint64
_decide = _library.uniffi_holdoff_uniffi_fn_method_policy_decide
_decide.argtypes = (ctypes.c_uint64, _ForeignBytes, ctypes.c_void_p)
_decide.restype = ctypes.c_uint64

# Only a call that goes wrong writes to it, and returns 0 then. So all calls can share it.
_STATUS = ctypes.byref(native._UniffiRustCallStatus.default())  # type: ignore[no-untyped-call]


def decider(policy: native.Policy) -> Callable[[bytes], int]:
    """Make a function that decides on packed requests by this policy."""

    def decide(request: bytes) -> int:
        # A method takes over the handle that it is given: hence a new one for each call.
        handle = _clone(policy._handle, _STATUS)
        bits: int = _decide(handle, _ForeignBytes(len(request), request), _STATUS)
        return readable(bits)

    return decide


def readable(answer: T | None) -> T:
    """Check an answer of the library: it gives none to a request that is not packed as agreed."""
    if not answer:
        message = "the library cannot read the request that this package made: a bug in holdoff"
        raise RuntimeError(message)
    return answer
