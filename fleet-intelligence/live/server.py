"""The page as a service: itself, its changes as server-sent events, and `/metrics`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from physai.infrastructure.contracts import EvaluationReport
from physai.infrastructure.page import environment

from ..drift.cusum import Level
from ..drift.states import drift_states
from ..page.drift_chart import drift_chart
from ..telemetry.store import POLL_S, TelemetryStore
from .chart import success_over_time
from .metrics import CONTENT_TYPE, exposition
from .view import look

HEARTBEAT_S = 15.0  # so that a proxy does not take silence for death
TEMPLATES = Path(__file__).with_name("templates")
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
SCRIPT = """const view = document.getElementById('view'), state = document.getElementById('state');
const source = new EventSource('events');
source.onopen = () => { state.textContent = 'live'; };
source.onerror = () => { state.textContent = 'connection lost, trying again'; };
source.onmessage = (message) => { view.innerHTML = message.data; };
"""


@dataclass(frozen=True)
class Watched:
    """What is served."""

    store: TelemetryStore
    reports: tuple[EvaluationReport, ...]
    level: Level
    days: int


def make_app(watched: Watched) -> Starlette:
    """The service; it reads the store and changes nothing."""
    templates = environment(TEMPLATES)

    def fragment() -> str:
        view = look(watched.store, watched.reports, watched.level, watched.days)
        chart = success_over_time(view.hourly) if view.hourly else None
        drifts = [(state, drift_chart(state.report) if state.report else None) for state in view.drift]
        return templates.get_template("fleet.html").render(view=view, chart=chart, drifts=drifts)

    async def page(_: Request) -> Response:
        body = await run_in_threadpool(fragment)
        return HTMLResponse(templates.get_template("live.html").render(fragment=body), headers=SECURITY)

    async def events(request: Request) -> Response:
        stream = changes(watched.store, lambda: run_in_threadpool(fragment), request.is_disconnected)
        return StreamingResponse(stream, media_type="text/event-stream", headers=SECURITY)

    async def script(_: Request) -> Response:
        return Response(SCRIPT, media_type="text/javascript", headers=SECURITY)

    def scrape() -> str:
        return exposition(watched.store, drift_states(watched.store, watched.reports, watched.level))

    async def metrics(_: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(scrape), headers={"Content-Type": CONTENT_TYPE})

    handlers = {"/": page, "/events": events, "/live.js": script, "/metrics": metrics}
    return Starlette(routes=[Route(path, handler) for path, handler in handlers.items()])


async def changes(
    store: TelemetryStore, fragment: Callable[[], Awaitable[str]], gone: Callable[[], Awaitable[bool]]
) -> AsyncIterator[str]:
    """The page's content at once, and again whenever the store has changed, as server-sent events.

    Source of the format: html.spec.whatwg.org/multipage/server-sent-events.html
    """
    seen, silent_s = None, 0.0
    while not await gone():
        now = store.fingerprint()
        if now != seen:
            seen, silent_s = now, 0.0
            content = await fragment()
            yield "".join(f"data: {row}\n" for row in content.splitlines()) + "\n"
        elif silent_s >= HEARTBEAT_S:
            silent_s = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(POLL_S)
        silent_s += POLL_S
