"""NVIDIA OSMO as an engine: submit, follow, logs, cancel, fetch, over its REST interface."""

from .engine import OsmoEngine
from .errors import NotLoggedInError, OsmoError, OsmoRefusedError, OsmoUnreachableError
from .login import Login, find_login

__all__ = [
    "Login",
    "NotLoggedInError",
    "OsmoEngine",
    "OsmoError",
    "OsmoRefusedError",
    "OsmoUnreachableError",
    "find_login",
]
