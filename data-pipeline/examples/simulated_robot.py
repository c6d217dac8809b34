"""A robot that speaks over DDS: says again and again, at its own rate and with the present time, what a simulation did.

Usage: python -m physai.data_pipeline.examples.simulated_robot RECORDING.mcap DOMAIN
"""

import itertools
import struct
import sys
import time
from pathlib import Path

from physai.infrastructure.ros2.definitions import Definitions, header_ns
from physai.infrastructure.ros2.publisher import Publisher

from ..convert.bag import open_bag

RATE_HZ = 30.0


def main(recording: Path, domain: int) -> None:
    """Speak until killed."""
    bag = open_bag(recording)
    said = list(bag.messages(lambda topic: topic != "/episode/outcome"))
    types = {raw.topic: bag.type_of(raw.topic) for raw in said}
    publisher = Publisher(types, Definitions(), domain)
    rows = [list(group) for _, group in itertools.groupby(said, key=lambda raw: header_ns(raw.data))]
    begun_ns = time.time_ns()
    for number in itertools.count():
        stamp_ns = begun_ns + round(number * 1e9 / RATE_HZ)
        time.sleep(max(0.0, (stamp_ns - time.time_ns()) / 1e9))
        for raw in rows[number % len(rows)]:
            data = bytearray(raw.data)
            struct.pack_into("<iI", data, 4, *divmod(stamp_ns, 10**9))  # the header's time comes first in the CDR
            publisher.publish_raw(raw.topic, bytes(data))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
