"""How soon an event that a robot tells is on the page in front of a person."""

import socket
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from physai.infrastructure.benchmark import Result

from ..telemetry.agent.agent import TelemetryAgent
from ..telemetry.receive import Receiver
from ..telemetry.store import TelemetryStore
from ..telemetry.wire import Broker
from .broker import broker
from .telemetry import SETTLE_S, episode_event

EVENTS = 10


def measure_page() -> Result:
    """From the agent's call over mosquitto, receiver and store to the server-sent event; the worst of ten."""
    import uvicorn

    from ..drift.cusum import Level
    from ..live.server import Watched, make_app

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(broker(folder))
        store = TelemetryStore(folder / "t.duckdb")
        receiver = Receiver(store, Broker(port=port))
        receiver.start()
        time.sleep(SETTLE_S)
        stack.callback(receiver.stop)
        stop = threading.Event()

        def receive() -> None:
            while not stop.is_set():
                receiver.step()

        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = make_app(Watched(store, (), Level(), 7))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=0))
        threads = [
            threading.Thread(target=receive),
            threading.Thread(target=server.run, kwargs={"sockets": [listener]}),
        ]
        for thread in threads:
            thread.start()
        try:
            agent = stack.enter_context(
                TelemetryAgent(folder / "agent", "plant-1", "robot-1", broker=Broker(port=port))
            )
            address = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
            delays = []
            with urllib.request.urlopen(address, timeout=30) as stream:
                for number in range(EVENTS + 1):
                    start = time.monotonic()
                    agent.tell([episode_event(number)])
                    wanted = f"of {number + 1} episodes".encode()
                    while wanted not in stream.readline():
                        pass
                    delays.append(time.monotonic() - start)
        finally:
            stop.set()
            server.should_exit = True
            for thread in threads:
                thread.join()
    return Result(
        what=f"event visible on the page, the worst of {EVENTS}",
        ours=max(delays[1:]),  # the first loads the libraries
        unit="s",
        goal=2,
        higher_is_better=False,
    )
