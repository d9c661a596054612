"""The failure of a case as httpx has it, and httpx2, which has the same names."""

from types import ModuleType

CLASSES = {
    ("dns", "connect"): "ConnectError",
    ("connect", "connect"): "ConnectError",
    ("tls", "connect"): "ConnectError",
    ("timeout", "connect"): "ConnectTimeout",
    ("timeout", "sent"): "ReadTimeout",
    ("timeout", "body"): "ReadTimeout",
    ("reset", "connect"): "ConnectError",
    ("reset", "sent"): "ReadError",
    ("reset", "body"): "ReadError",
    ("protocol", "sent"): "RemoteProtocolError",
    ("protocol", "body"): "RemoteProtocolError",
}


def client(httpx: ModuleType, case: dict):
    """A client of httpx whose every request fails as the case says."""
    transport = httpx.MockTransport(lambda request: fail(httpx, case, request))
    return httpx.Client(transport=transport, trust_env=False)


def fail(httpx: ModuleType, case: dict, request):
    """The case's response, or its transport failure."""
    if case["status"] is not None:
        headers = [(name.encode(), value.encode()) for name, value in case["headers"]]
        return httpx.Response(case["status"], headers=headers, content=case["body"].encode())
    kind, phase = case["transport"], case["phase"]
    error = getattr(httpx, CLASSES[kind, phase])(kind, request=request)
    if phase != "body":
        raise error

    class Broken(httpx.SyncByteStream):
        """A body that breaks off."""

        def __iter__(self):
            raise error

    return httpx.Response(200, stream=Broken())
