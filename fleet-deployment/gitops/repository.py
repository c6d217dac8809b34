"""The fleet's Git repository, through the real `git`: read its newest state, or push one commit on top of it."""

import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import RepositoryError

BRANCH = "main"
ATTEMPTS = 50  # one of any number of concurrent pushes wins each round
IDENTITY = ("-c", "user.name=physai fleet-deployment", "-c", "user.email=fleet-deployment@localhost")
PLAIN = ("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false")
LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX")
IDENTITY_VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


class FleetRepository:
    """One repository, by URL or path; a local one is created as a bare repository on first use."""

    def __init__(self, url: str) -> None:
        self._address = url
        self.url = _without_login(url)
        """Without user and password: it stands in messages and in what is committed."""

    @property
    def is_new(self) -> bool:
        """Whether it is a local repository that is not there yet."""
        return not _is_remote(self.url) and not Path(self.url).exists()

    @contextmanager
    def read(self) -> Iterator[Path]:
        """The newest state, as a folder that lives as long as the context.

        Raises:
            RepositoryError: If it cannot be read.
        """
        with self._clone() as tree:
            yield tree

    def change(self, edit: Callable[[Path], str | None]) -> bool:
        """Commit what `edit` does to the newest state; it is asked again if someone else pushes meanwhile.

        Args:
            edit: Changes the folder it is given and returns the commit message, or None to leave all as it is.

        Returns:
            Whether there was anything to commit.

        Raises:
            RepositoryError: If Git refuses.
        """
        with self._clone() as tree:
            for attempt in range(ATTEMPTS):
                message = edit(tree)
                self._git(tree, "add", "--all", what="cannot stage the change")
                if message is None or not self._git(tree, "status", "--porcelain", what="cannot compare"):
                    return False
                self._git(tree, "commit", "--quiet", "-m", message, what="cannot commit")
                if self._push(tree):
                    return True
                time.sleep(random.uniform(0, 0.05 * min(attempt + 1, 10)))  # noqa: S311  a pause, not a secret
        raise RepositoryError(self.url, "cannot push", f"others pushed first {ATTEMPTS} times")

    def _push(self, tree: Path) -> bool:
        """Push the commit; False if the branch has moved, and then `tree` is at its newest state."""
        base = self._run(tree, "rev-parse", "--verify", "--quiet", f"origin/{BRANCH}").stdout
        pushed = self._run(tree, "push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
        if pushed.returncode == 0:
            return True
        self._git(tree, "fetch", "--quiet", "origin", what="cannot fetch")
        if self._run(tree, "rev-parse", "--verify", "--quiet", f"origin/{BRANCH}").stdout == base:
            raise RepositoryError(self.url, "cannot push", _without_login(pushed.stderr))
        self._git(tree, "reset", "--quiet", "--hard", f"origin/{BRANCH}", what="cannot follow")
        return False

    @contextmanager
    def _clone(self) -> Iterator[Path]:
        self._create_if_local()
        with tempfile.TemporaryDirectory(prefix="physai-fleet-") as folder:
            tree = Path(folder) / "tree"
            self._git(Path(folder), "clone", "--quiet", "--", self._address, str(tree), what="cannot clone")
            if self._run(tree, "rev-parse", "--verify", "--quiet", f"origin/{BRANCH}").returncode == 0:
                self._git(tree, "checkout", "--quiet", "-B", BRANCH, f"origin/{BRANCH}", what="cannot check out")
            yield tree

    def _create_if_local(self) -> None:
        root = Path(self.url)
        if not self.is_new:
            return
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{root.name}.", suffix=".part", dir=root.parent) as folder:
            aside = Path(folder) / "new"
            self._git(
                root.parent, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(aside), what="cannot create"
            )
            try:
                aside.rename(root)
            except OSError:
                if not root.exists():  # otherwise another process was first, and its repository is as good
                    raise

    def _git(self, folder: Path, *arguments: str, what: str) -> str:
        done = self._run(folder, *arguments)
        if done.returncode:
            raise RepositoryError(self.url, what, _without_login(done.stderr))
        return done.stdout

    def _run(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in (*LOCAL, *IDENTITY_VARIABLES)}
        environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        command = ["git", *IDENTITY, *PLAIN, *arguments]
        try:
            return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise RepositoryError(self.url, "cannot start", "git is not installed") from error


def _without_login(text: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]*@", "", text)


def _is_remote(url: str) -> bool:
    """Whether Git would reach for another machine, or for a `file://` URL that must be there already."""
    head = url.partition("/")[0]
    return "://" in url or ":" in head
