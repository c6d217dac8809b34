"""OSMO's REST interface: one method a route.

Routes: NVIDIA/OSMO src/service/core/workflow/workflow_service.py and profile/profile_service.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from .errors import NotLoggedInError, OsmoRefusedError, OsmoUnreachableError
from .login import TIMEOUT_S, Login
from .wire import SubmitAnswer, WorkflowAnswer

CONNECT_TRIES = 3


class OsmoClient:
    """Speaks to one service."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._client = httpx.Client(transport=httpx.HTTPTransport(retries=CONNECT_TRIES), timeout=TIMEOUT_S)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def default_pool(self) -> str:
        """The pool that the user's profile names.

        Raises:
            NotLoggedInError: If it names none.
        """
        profile = self._json("GET", "api/profile/settings").get("profile")
        pool = profile.get("pool") if isinstance(profile, dict) else None
        if not pool:
            raise NotLoggedInError(self.login.url, "your profile names no pool: pass --pool, or set one in OSMO")
        return str(pool)

    def submit(self, pool: str, body: dict[str, Any], params: dict[str, Any]) -> SubmitAnswer:
        """`POST /api/pool/{pool}/workflow`."""
        path = f"api/pool/{pool}/workflow"
        return self._read(SubmitAnswer, path, self._json("POST", path, json=body, params=params))

    def query(self, workflow: str) -> WorkflowAnswer:
        """`GET /api/workflow/{name}`."""
        path = f"api/workflow/{workflow}"
        return self._read(WorkflowAnswer, path, self._json("GET", path))

    def spec(self, workflow: str) -> str:
        """`GET /api/workflow/{name}/spec`: the rendered file, runtime tokens still in it."""
        return self._send("GET", f"api/workflow/{workflow}/spec").text

    def cancel(self, workflow: str, message: str) -> None:
        """`POST /api/workflow/{name}/cancel`."""
        self._send("POST", f"api/workflow/{workflow}/cancel", params={"message": message})

    def logs(self, workflow: str, task: str) -> Iterator[str]:
        """`GET /api/workflow/{name}/logs`, which goes on for as long as the task does."""
        url = f"{self.login.url}/api/workflow/{workflow}/logs"
        try:
            with self._client.stream(
                "GET",
                url,
                params={"task_name": task},
                headers=self.login.headers(self._client),
                timeout=httpx.Timeout(TIMEOUT_S, read=None),
            ) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refused(answer)
                yield from answer.iter_text()
        except httpx.HTTPError as error:
            raise OsmoUnreachableError(url, str(error) or type(error).__name__) from error

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = self._send(method, path, **more)
        try:
            return dict(answer.json())
        except (ValueError, TypeError) as error:
            raise OsmoUnreachableError(str(answer.url), "its answer is not JSON: is a proxy in the way?") from error

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        url = f"{self.login.url}/{path}"
        try:
            answer = self._client.request(method, url, headers=self.login.headers(self._client), **more)
        except httpx.HTTPError as error:
            raise OsmoUnreachableError(url, str(error) or type(error).__name__) from error
        if answer.is_error or answer.is_redirect:
            raise _refused(answer)
        return answer

    def _read[T: BaseModel](self, model: type[T], path: str, body: dict[str, Any]) -> T:
        try:
            return model.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            why = f"its answer is not understood: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise OsmoUnreachableError(f"{self.login.url}/{path}", why) from error


def _refused(answer: httpx.Response) -> OsmoRefusedError:
    try:
        body = json.loads(answer.text)
        message = str(body.get("message") or body.get("detail") or answer.text)
    except (ValueError, AttributeError):
        message = answer.text[:500]
    return OsmoRefusedError(str(answer.url), answer.status_code, message)
