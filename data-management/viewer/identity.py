"""Who is there and what they may do: three roles, and who says which."""

import base64
import binascii
import getpass
import json
import os
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from starlette.requests import Request

from physai.infrastructure.contracts import Contract

from .errors import SignInError


class Role(StrEnum):
    """What a person may do; each may do what the one before may."""

    VIEWER = "viewer"
    ANNOTATOR = "annotator"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """Whether this role is enough."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


APP_ROLES = {"Dataset.Read": Role.VIEWER, "Dataset.Annotate": Role.ANNOTATOR, "Dataset.Administer": Role.ADMIN}
"""App roles of the Entra application, as `infrastructure/terraform/modules/viewer` makes them."""


class Person(Contract):
    """Whoever sits before the browser."""

    name: str
    role: Role


class SignIn(Protocol):
    """A way to tell who is there."""

    @property
    def page(self) -> str | None:
        """Where a browser is sent that has not signed in."""
        ...

    def who(self, request: Request) -> Person | None:
        """The person behind a request; None if that is not known, or they have no role."""
        ...


class LocalSignIn:
    """On loopback, whoever can reach the viewer is the user of this machine."""

    page = None

    def __init__(self, role: Role = Role.ADMIN) -> None:
        self._person = Person(name=getpass.getuser(), role=role)

    def who(self, _: Request) -> Person:
        """The user of this process."""
        return self._person


class ContainerAppsSignIn:
    """Built-in authentication of Azure Container Apps, whose sidecar sets headers that no client can.

    Source: learn.microsoft.com/azure/container-apps/authentication, "Access user claims in application code".
    """

    page = "/.auth/login/aad"
    HEADER = "x-ms-client-principal"

    def __init__(self) -> None:
        """Trust the headers.

        Raises:
            SignInError: Elsewhere, where anyone could send them.
        """
        if not os.environ.get("CONTAINER_APP_NAME"):
            raise SignInError(
                "--sign-in container-apps: this is no container of Azure Container Apps (it would set "
                "CONTAINER_APP_NAME), so anyone could claim to be anyone. Give --sign-in entra."
            )

    def who(self, request: Request) -> Person | None:
        """Whom the sidecar names."""
        try:
            told = json.loads(base64.b64decode(request.headers.get(self.HEADER, ""), validate=True))
            claims = [(claim["typ"], claim["val"]) for claim in told["claims"]]
        except (binascii.Error, ValueError, TypeError, KeyError):
            return None
        kinds = {told.get("role_typ"), "roles"}
        role = highest(value for kind, value in claims if kind in kinds)
        names = dict(claims)
        name = names.get("preferred_username") or request.headers.get("x-ms-client-principal-name")
        return Person(name=str(name), role=role) if role and name else None


def highest(app_roles: Iterable[object]) -> Role | None:
    """The role that a person's app roles give; None without one."""
    held = [APP_ROLES[name] for name in app_roles if isinstance(name, str) and name in APP_ROLES]
    return max(held, key=list(Role).index, default=None)
