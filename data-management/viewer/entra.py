"""Sign-in with Microsoft Entra ID by OpenID Connect: the authorization code flow with PKCE, done by MSAL.

The session is a signed cookie. MSAL checks state and nonce; audience, issuer and lifetime of the ID token are checked
here, since MSAL only logs when they are wrong. The signature need not be checked, since the token comes from the token
endpoint over TLS (OpenID Connect Core 1.0, section 3.1.3.7, point 6).
"""

import time
import warnings
from typing import Any

from fastapi import APIRouter
from msal import ConfidentialClientApplication
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .errors import SignInError
from .identity import Person, Role, highest

SESSION_S = 8 * 3600
SIGNED_IN = "/signed-in"


class EntraSignIn:
    """People of one Entra tenant, with the app roles of one application."""

    page = "/sign-in"

    def __init__(
        self, tenant: str, client: str, secret: str, *, url: str, authority: str | None = None, http: Any = None
    ) -> None:
        """Get ready; Entra is asked at the first sign-in.

        Args:
            tenant: Id of the tenant.
            client: Id of the application.
            secret: Its client secret.
            url: Where browsers reach the viewer, e.g. `https://viewer.example.org`.
            authority: Issuer of another OpenID Connect provider; Entra by default.
            http: Session that MSAL speaks through; its own by default.
        """
        self.url = url.rstrip("/")
        self._client, self._secret, self._http = client, secret, http
        self._where: dict[str, Any] = (
            {"oidc_authority": authority} if authority else {"authority": f"https://login.microsoftonline.com/{tenant}"}
        )
        self._issuer = authority or f"https://login.microsoftonline.com/{tenant}/v2.0"
        self._made: ConfidentialClientApplication | None = None

    @property
    def _app(self) -> ConfidentialClientApplication:
        if self._made is None:
            self._made = ConfidentialClientApplication(
                self._client, client_credential=self._secret, http_client=self._http, **self._where
            )
        return self._made

    def who(self, request: Request) -> Person | None:
        """Whom the session cookie names, until it is too old."""
        told = request.session.get("person")
        if not told or told["until"] < time.time():
            return None
        return Person(name=told["name"], role=Role(told["role"]))

    def routes(self) -> APIRouter:
        """Signing in and out."""
        router = APIRouter(include_in_schema=False)

        @router.get(self.page)
        def sign_in(request: Request) -> Response:
            try:
                with warnings.catch_warnings(action="ignore", category=UserWarning):
                    # it would rather have a form posted, with which no SameSite cookie comes; PKCE guards the code
                    flow = self._app.initiate_auth_code_flow([], redirect_uri=f"{self.url}{SIGNED_IN}")
            except (OSError, ValueError) as error:
                raise SignInError(f"Entra cannot be reached: {str(error).partition(chr(10))[0]:.200}") from error
            request.session["flow"] = flow
            return RedirectResponse(flow["auth_uri"], 303)

        @router.get(SIGNED_IN)
        def signed_in(request: Request) -> Response:
            flow = request.session.pop("flow", {})
            try:
                answer = self._app.acquire_token_by_auth_code_flow(flow, dict(request.query_params))
            except (OSError, ValueError, RuntimeError, KeyError) as error:
                raise SignInError(
                    f"the answer does not belong to a sign-in of this browser ({error!s:.120})"
                ) from error
            request.session["person"] = self._person(answer)
            return RedirectResponse("/", 303)

        @router.post("/sign-out")
        def sign_out(request: Request) -> Response:
            request.session.clear()
            return RedirectResponse("/", 303)

        return router

    def _person(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What the session holds of an answer of the token endpoint.

        Raises:
            SignInError: If it is a refusal, meant for someone else, too old, or of a person without a role.
        """
        if "error" in answer:
            raise SignInError(f"Entra refuses: {answer.get('error_description') or answer['error']:.200}")
        claims, now = answer["id_token_claims"], time.time()
        if (claims.get("aud"), claims.get("iss")) != (self._client, self._issuer) or claims.get("exp", 0) < now:
            raise SignInError("the ID token is for another application, of another issuer, or too old. Sign in again.")
        role = highest(claims.get("roles", ()))
        if role is None:
            raise SignInError("you have no role in this application. Ask its owner for Dataset.Read.")
        name = claims.get("preferred_username") or claims.get("name") or claims["sub"]
        return {"name": str(name), "role": role.value, "until": now + SESSION_S}
