"""A robot in a process of its own: tells episodes from `first` on, and prints each number once it is kept."""

import sys
from pathlib import Path

from physai.fleet_intelligence.telemetry.agent.agent import TelemetryAgent
from physai.fleet_intelligence.telemetry.wire import Broker
from physai.fleet_intelligence.tests.make_events import episode


def main(home: str, port: str, first: str, last: str) -> None:
    with TelemetryAgent(Path(home), "plant-1", "robot-1", broker=Broker(port=int(port))) as agent:
        for number in range(int(first), int(last)):
            agent.tell([episode(number)])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
