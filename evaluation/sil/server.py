"""Running the policy host: in the foreground, or beside an evaluation."""

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from starlette.applications import Starlette

from physai.infrastructure.console import stderr

from ..errors import AddressError
from .host import PolicyHost

SHUTDOWN_S = 5  # time that requests in flight have to finish
BACKLOG = 128


def serve(host: PolicyHost, address: str, port: int, grpc_port: int | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in flight are answered.

    Args:
        host: What is served.
        address: To listen on.
        port: For HTTP.
        grpc_port: For gRPC too; None leaves it out.

    Raises:
        AddressError: If a port cannot be listened on.
    """
    with listen(address, port) as listener, ExitStack() as beside:
        if grpc_port is not None:
            from .grpc_host import running_grpc

            at = beside.enter_context(running_grpc(host, address, grpc_port))
            stderr.print(f"gRPC at {at}", highlight=False, soft_wrap=True)
        url = f"http://{address}:{listener.getsockname()[1]}"
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn stops first, then hands the signal on
        make_server(host.app(), lambda: announce(host, url)).run(sockets=[listener])


def announce(host: PolicyHost, url: str) -> None:
    """Say on stderr what is served, and where."""
    for policy in host.policies.values():
        stderr.print(f"serving {policy.name} {policy.digest}", highlight=False, soft_wrap=True)
    stderr.print(f"ready at {url}", highlight=False, soft_wrap=True)


@contextmanager
def running(host: PolicyHost, address: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The host's URL, while it runs in a thread of this process.

    Raises:
        AddressError: If the port cannot be listened on.
    """
    with listen(address, port) as listener:
        ready = threading.Event()
        server = make_server(host.app(), ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="policy-host")
        thread.start()
        try:
            ready.wait()
            yield f"http://{address}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def make_server(app: Starlette, on_ready: Callable[[], object]) -> uvicorn.Server:
    """A quiet server that tells when it answers."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=SHUTDOWN_S
    )
    return Server(config)


def listen(address: str, port: int) -> socket.socket:
    """A listening socket, so that a port in use is our error and not the server's.

    Raises:
        AddressError: If the port cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio switches Nagle's algorithm off only on sockets that name TCP; with it an answer takes 40 ms more
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressError(address, port, error.strerror or str(error)) from error
    return listener
