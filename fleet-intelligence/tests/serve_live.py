"""The live page on a free port, for as long as a test needs it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.live.server import Watched, make_app
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.infrastructure.contracts import EvaluationReport, PolicyResult, digest_bytes
from physai.infrastructure.rates import rate_of

from .make_events import POLICY, control, episode, health


def make_store(folder: Path, episodes: int = 60, failing_from: int = 30) -> TelemetryStore:
    """Two robots; from one episode on every second one fails on robot-2."""
    store = TelemetryStore(folder / "telemetry.duckdb")
    fleet = [
        episode(index, robot == "robot-1" or index < failing_from or index % 2 == 0, robot=robot)
        for robot in ("robot-1", "robot-2")
        for index in range(episodes)
    ]
    store.add([*fleet, *(event for index in range(3) for event in (control(index), health(index)))])
    return store


def evaluation() -> EvaluationReport:
    result = PolicyResult(role="candidate", package=POLICY, success=rate_of(58, 60), episodes=())
    return EvaluationReport(task="t", world="w", conditions=digest_bytes(b"c"), policies=(result,))


@contextmanager
def serving(store: TelemetryStore) -> Iterator[str]:
    """The address of the running service."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # so that who asks early waits
        app = make_app(Watched(store, (evaluation(),), Level(0.05, 100), 7))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()
