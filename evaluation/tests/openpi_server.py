"""A loopback server that speaks as openpi's `WebsocketPolicyServer` does, with websockets and msgpack themselves."""

import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgpack
import numpy as np
from websockets.sync.server import ServerConnection, serve


def to_map(value: np.ndarray) -> dict[bytes, object]:
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}


def from_map(value: dict) -> object:
    if b"__ndarray__" not in value:
        return value
    return np.ndarray(buffer=value[b"data"], dtype=np.dtype(value[b"dtype"]), shape=value[b"shape"])


@contextmanager
def openpi(policy: Callable[[dict[str, np.ndarray]], object]) -> Iterator[str]:
    """URL of a server whose policy answers one observation with actions (chunk, A), or with a message of its own."""

    def handle(connection: ServerConnection) -> None:
        connection.send(msgpack.packb({"policy": "test"}))
        for message in connection:
            try:
                actions = policy(msgpack.unpackb(message, object_hook=from_map))
            except Exception:  # noqa: BLE001  whatever a policy raises is told, as openpi does
                connection.send(traceback.format_exc())
                connection.close(1011)
                return
            answer = {"actions": actions, "server_timing": {"infer_ms": 0.1}}
            connection.send(actions if isinstance(actions, str | bytes) else msgpack.packb(answer, default=to_map))

    with serve(handle, "127.0.0.1", 0, compression=None, max_size=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()
