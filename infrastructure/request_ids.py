"""Identities of requests to Azure, made without a file that stays open in every thread.

Azure's SDK makes them by `uuid.uuid1`. Where libuuid may write its clock, as root may in a container, it opens that
file in each thread that asks, and never closes it; past 1,024 of them `select` fails, and with it the MQTT client.
Python makes the same identities by itself where it finds no libuuid. Seen with util-linux 2.38.
"""

import uuid


def keep_no_files() -> None:
    """Let Python make the identities that are made of time, in this process from now on."""
    uuid._generate_time_safe = None  # type: ignore[attr-defined]
