"""What only a browser needs guarding from: requests that another site makes in a person's name."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Content security policy: nothing from elsewhere, and no script or style within a page."""


def is_foreign(request: Request) -> bool:
    """Whether another site's page made a request that changes something.

    Browsers say where a request comes from in headers that no script can set, and forms cannot send JSON.
    Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers" and "Verifying origin".
    """
    if request.method in SAFE:
        return False
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return True
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def guard(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """Middleware that refuses them."""
    if is_foreign(request):
        return JSONResponse({"detail": "this request comes from another site's page"}, 403)
    return await call(request)
