"""The command that serves the viewer."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from physai.infrastructure.addresses import is_loopback
from physai.infrastructure.console import stderr

if TYPE_CHECKING:
    from .identity import SignIn

SignInName = Literal["none", "entra", "container-apps"]


def viewer(
    roots: Annotated[
        list[str],
        typer.Argument(metavar="ROOT…", help="Folders or Blob containers with LeRobot v3.0 datasets in them."),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    sign_in: Annotated[
        SignInName, typer.Option(help="Who says who is there; beyond loopback there must be one.")
    ] = "none",
    url: Annotated[str | None, typer.Option(help="Where browsers reach it, e.g. https://viewer.example.org.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Entra: id of the tenant.", envvar="ENTRA_TENANT_ID")] = None,
    client: Annotated[str | None, typer.Option(help="Entra: id of the application.", envvar="ENTRA_CLIENT_ID")] = None,
    workflows: Annotated[
        list[Path] | None, typer.Option(help="Folder or file of further workflows with a variable `dataset`.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """See, judge and curate datasets in a browser. On this machine alone, and off line, unless told otherwise.

    Example: physai data-management viewer OUT

    Example: physai data-management viewer azure://robots/datasets --sign-in entra --url https://viewer.example.org
    """
    from .errors import OpenAddressError

    if sign_in == "none" and not is_loopback(host):
        raise OpenAddressError(host)
    import uvicorn

    from .places import Catalog, open_place
    from .runs import Runs
    from .service import LOOPBACK, Desk, create_app

    catalog = Catalog([open_place(root) for root in roots])
    desk = Desk(catalog, _sign_in(sign_in, url, tenant, client), runs=Runs(workflows or ()))
    app = create_app(desk, hosts=_hosts(host, url) if sign_in != "container-apps" else ["*"])
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", server_header=False, timeout_keep_alive=10)
    socket = config.bind_socket()
    address = url or f"http://{LOOPBACK[0] if is_loopback(host) else host}:{socket.getsockname()[1]}"
    stderr.print(f"viewer: {address}", soft_wrap=True)
    if show:
        typer.launch(address)
    uvicorn.Server(config).run([socket])


def _hosts(host: str, url: str | None) -> Sequence[str]:
    """Names that a browser may use; others are refused, so that no foreign name leads here."""
    from urllib.parse import urlsplit

    from .service import LOOPBACK

    return [*LOOPBACK, host, *([urlsplit(url).hostname or host] if url else [])]


def _sign_in(name: SignInName, url: str | None, tenant: str | None, client: str | None) -> "SignIn":
    import os

    from .errors import SignInError
    from .identity import ContainerAppsSignIn, LocalSignIn

    if name == "none":
        return LocalSignIn()
    if name == "container-apps":
        return ContainerAppsSignIn()
    from .entra import EntraSignIn

    secret = os.environ.get("ENTRA_CLIENT_SECRET")
    if not (url and tenant and client and secret):
        raise SignInError(
            "--sign-in entra: needs --url, --tenant, --client and the variable ENTRA_CLIENT_SECRET, "
            "as the registration of the application in Entra has them."
        )
    return EntraSignIn(tenant, client, secret, url=url)
