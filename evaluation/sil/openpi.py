"""openpi's websocket: one observation at a time, as msgpack with NumPy arrays.

Source: Physical-Intelligence/openpi, `src/openpi/serving/websocket_policy_server.py` and the client's
`msgpack_numpy.py` (openpi-client 0.1.2, which asks for NumPy below 2 and so is not used itself).
"""

from contextlib import ExitStack
from functools import partial
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from .transports import Answer, Arrays, Metadata

ACTIONS = "actions"
NO_ACTIONS = f"its answer holds no '{ACTIONS}' of shape (chunk, action)"
NEVER = "VOc"
"""Kinds of NumPy types that are not sent: raw bytes, Python objects, complex numbers."""


class OpenpiError(OSError):
    """The server answered, and not as its protocol says."""


def encode(value: Any) -> dict[bytes, Any]:
    """An array or a NumPy number in openpi's form.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind not in NEVER:
        described = {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str}
        return {**described, b"shape": value.shape}
    if isinstance(value, np.generic) and value.dtype.kind not in NEVER:
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def decode(value: dict[Any, Any]) -> Any:
    """Back again; other maps stay as they are.

    Raises:
        TypeError: If the type of an array's numbers is none that is sent: objects would be addresses in our memory.
    """
    if not value.keys() & {b"__ndarray__", b"__npgeneric__"}:
        return value
    dtype = np.dtype(value[b"dtype"])
    if dtype.kind in NEVER:
        raise TypeError(f"{dtype} cannot be received")
    if b"__ndarray__" in value:
        return np.ndarray(buffer=value[b"data"], dtype=dtype, shape=value[b"shape"])
    return dtype.type(value[b"data"])


pack = partial(msgpack.packb, default=encode)
unpack = partial(msgpack.unpackb, object_hook=decode)


def openpi_name(name: str) -> str:
    """`observation.state` as openpi's policies name it: `observation/state`."""
    return name.replace(".", "/")


class OpenpiTransport:
    """A connection to an openpi server, opened when it is first used. One server serves one policy, of any name."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._connection: ClientConnection | None = None
        self._open = ExitStack()

    def ready(self, model: str) -> bool:  # noqa: ARG002
        """Whether the server greets."""
        self._connected()
        return True

    def metadata(self, model: str) -> Metadata | None:  # noqa: ARG002
        """The protocol has no words for tensors or digests; golden vectors must do."""
        return None

    def infer(self, model: str, inputs: Arrays, output: str, sequence: str, *, start: bool) -> Answer:  # noqa: ARG002
        """Chunks for a batch, asked row by row.

        Raises:
            OSError: If the connection breaks, or the server answers with an error or without actions.
        """
        rows = len(next(iter(inputs.values())))
        chunks = [self._ask({openpi_name(k): v[row] for k, v in inputs.items()}) for row in range(rows)]
        if len({chunk.shape for chunk in chunks}) > 1:
            raise OpenpiError("its chunks differ in shape from row to row")
        return Answer(np.stack(chunks), None)

    def close(self) -> None:
        """Hang up."""
        self._connection = None
        self._open.close()

    def _ask(self, observation: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        connection = self._connected()
        try:
            connection.send(pack(observation))
            answer = connection.recv(timeout=self._timeout_s)
        except (OSError, WebSocketException) as error:
            self.close()
            raise OpenpiError(str(error) or "it hung up") from error
        if isinstance(answer, str):  # a traceback; the server hangs up after it
            self.close()
            raise OpenpiError(f"its policy failed: {answer.strip().rpartition('\n')[2]}")
        try:
            actions = np.asarray(unpack(answer)[ACTIONS], dtype=np.float32)
        except (msgpack.UnpackException, ValueError, TypeError, KeyError) as error:
            raise OpenpiError(NO_ACTIONS) from error
        if actions.ndim != 2:
            raise OpenpiError(NO_ACTIONS)
        return actions

    def _connected(self) -> ClientConnection:
        if self._connection is None:
            options: dict[str, Any] = {"compression": None, "max_size": None, "open_timeout": self._timeout_s}
            try:
                connection = self._open.enter_context(connect(self._url, close_timeout=1, **options))
                connection.recv(timeout=self._timeout_s)  # its metadata, of no fixed form
            except (OSError, WebSocketException) as error:
                self.close()
                raise OpenpiError(str(error) or "it does not greet") from error
            self._connection = connection
        return self._connection
