"""A link between two machines, on this one: passes bytes on after a delay, loses some, and can be cut."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

RESENT_AFTER_S = 0.2  # Linux's least retransmission timeout: how a lost segment of TCP looks to who waits for it


class Link:
    """What may be turned while the link is in use."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.loss = 0.0
        """Share of the parts of messages that are lost once, and sent again."""
        self.lost = 0
        self.cut = threading.Event()


@contextmanager
def linked(url: str) -> Iterator[tuple[str, Link]]:
    """A URL that leads to `url`, and the link between them."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    link, sockets = Link(), list[socket.socket]()
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if link.cut.is_set():
                    break
                time.sleep(link.delay_s)
                if random.random() < link.loss:  # noqa: S311  a link, not a secret
                    link.lost += 1
                    time.sleep(RESENT_AFTER_S)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, port))
                sockets.extend((near, far))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", link
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in sockets:
            each.close()
