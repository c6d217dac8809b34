"""The receiver in a process of its own."""

import sys
from pathlib import Path

from physai.fleet_intelligence.telemetry.receive import Receiver
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.fleet_intelligence.telemetry.wire import Broker


def main(store: str, port: str) -> None:
    receiver = Receiver(TelemetryStore(Path(store)), Broker(port=int(port)))
    receiver.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        receiver.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
