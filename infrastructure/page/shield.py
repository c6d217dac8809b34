"""What stands before a service: a limit on bodies and on requests, and headers that browsers heed."""

import time
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024  # bytes; the largest request is a decision of some hundred
CONTENT = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
"""Content security policy of a page without scripts and pictures; more is added to it."""
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # without any, browsers send forms with the origin 'null'
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Bucket:
    """Requests that a client has left. Source: the token bucket of RFC 2697, with one colour."""

    def __init__(self, rate_hz: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_hz, self._burst, self._clock = rate_hz, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, client: str) -> bool:
        """Whether one more request is within the limit."""
        now = self._clock()
        if len(self._left) > 10_000:  # whoever is full again needs no entry
            self._left = {key: (left, at) for key, (left, at) in self._left.items() if now - at < self._burst}
        left, at = self._left.get(client, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._rate_hz)
        self._left[client] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Shield:
    """ASGI middleware; innermost to outermost: headers on every answer, the limit of requests, the limit of bodies."""

    def __init__(self, app: ASGIApp, bucket: Bucket, content: str = CONTENT) -> None:
        """Stand before an app.

        Args:
            app: Answers what is let through; a `Cache-Control` of its own is kept.
            bucket: What each client may ask.
            content: Content security policy of every answer.
        """
        self._app, self._bucket = app, bucket
        self._headers = {**HEADERS, "Content-Security-Policy": content}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        client = scope.get("client") or ("unknown", 0)
        if not self._bucket.take(client[0]):
            refused = JSONResponse({"detail": "too many requests"}, 429, {"Retry-After": "1"})
            await refused(scope, receive, guarded)
            return
        body = await _read(receive)
        if body is None:
            refused = JSONResponse({"detail": f"more than {MAX_BODY} bytes"}, 413, {"Connection": "close"})
            await refused(scope, receive, guarded)
            return
        await self._app(scope, _again(body, receive), guarded)


async def _read(receive: Receive) -> bytes | None:
    """The body, or None if it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that tells the body once more, then goes on with the connection's own."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
