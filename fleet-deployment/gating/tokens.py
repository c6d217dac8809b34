"""Who may do what at a gate: bearer tokens with a role, of which only hashes are kept."""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Literal

from physai.infrastructure.aside import locked
from physai.infrastructure.contracts import Contract, Document

from ..errors import TokenError

type Role = Literal["viewer", "operator", "admin", "robot"]

MAY: dict[Role, frozenset[str]] = {
    "viewer": frozenset({"view"}),
    "operator": frozenset({"view", "decide"}),
    "admin": frozenset({"view", "decide", "administer"}),
    "robot": frozenset({"view", "report"}),
}


class Token(Contract):
    """One person or machine."""

    name: str
    role: Role
    sha256: str
    """Of the token, which has 256 random bits, so that no slow hash is needed."""


class TokenFile(Document):
    """Everyone who may speak to a gate."""

    kind: Literal["gate-tokens"] = "gate-tokens"
    version: Literal[1] = 1
    tokens: tuple[Token, ...] = ()


class Tokens:
    """The tokens in a file. A change is seen by a running service at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Token, ...]:
        """Everyone, by name."""
        return TokenFile.read(self._path).tokens if self._path.exists() else ()

    def add(self, name: str, role: Role) -> str:
        """A new token, which is shown only now.

        Raises:
            TokenError: If the name is taken.
        """
        secret = secrets.token_urlsafe(32)
        token = Token(name=name, role=role, sha256=hashlib.sha256(secret.encode()).hexdigest())
        with locked(self._path.with_name(".tokens.lock")):
            known = self.read()
            if name in {token.name for token in known}:
                raise TokenError(self._path, f"'{name}' has a token", "Revoke it first, or choose another name")
            self._write((*known, token))
        return secret

    def revoke(self, name: str) -> None:
        """Take a token back.

        Raises:
            TokenError: If there is none of that name.
        """
        with locked(self._path.with_name(".tokens.lock")):
            known = self.read()
            left = tuple(token for token in known if token.name != name)
            if left == known:
                listed = ", ".join(token.name for token in known) or "no one"
                raise TokenError(self._path, f"'{name}' has no token", f"Known: {listed}")
            self._write(left)

    def find(self, secret: str) -> Token | None:
        """Whose token it is."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        return next((token for token in self.read() if hmac.compare_digest(token.sha256, digest)), None)

    def _write(self, tokens: tuple[Token, ...]) -> None:
        TokenFile(tokens=tokens).write(self._path)
        self._path.chmod(0o600)
