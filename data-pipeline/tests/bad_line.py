"""A TCP proxy that is a bad line: it cuts connections and flips a byte."""

import socket
import socketserver
import threading
from urllib.parse import urlsplit


class BadLine:
    """Forwards to a server; after every `cut_every` bytes towards it, a connection is cut, `cuts` times in all."""

    def __init__(self, endpoint: str, *, cuts: int, cut_every: int, flip_at: int | None = None) -> None:
        parts = urlsplit(endpoint)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._path = parts.path
        self.cuts_left, self._every, self._flip_at = cuts, cut_every, flip_at
        self.flipped = False
        self._passed = 0
        self._until_cut = cut_every
        self._lock = threading.Lock()
        line = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                line.serve(self.request)

        socketserver.ThreadingTCPServer.daemon_threads = True
        self._listener = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_address[1]}{self._path}"

    def __enter__(self) -> "BadLine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    def serve(self, client: socket.socket) -> None:
        with socket.create_connection(self._server) as server:
            back = threading.Thread(target=pump, args=(server, client))
            back.start()
            while data := received(client):
                cut, data = self._harm(data)
                if not sent(server, data) or cut:
                    break
            hang_up(server, client)
            back.join()

    def _harm(self, data: bytes) -> tuple[bool, bytes]:
        with self._lock:
            at = None if self._flip_at is None else self._flip_at - self._passed
            if not self.flipped and at is not None and 0 <= at < len(data):
                data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
                self.flipped = True
            self._passed += len(data)
            self._until_cut -= len(data)
            if self._until_cut > 0 or self.cuts_left == 0:
                return False, data
            self._until_cut = self._every
            self.cuts_left -= 1
            return True, data[: len(data) // 2]


def pump(source: socket.socket, target: socket.socket) -> None:
    while data := received(source):
        if not sent(target, data):
            return
    hang_up(target)


def received(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 16)
    except OSError:
        return b""


def sent(target: socket.socket, data: bytes) -> bool:
    try:
        target.sendall(data)
    except OSError:
        return False
    return True


def hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
