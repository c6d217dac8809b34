"""A Hugging Face hub on this machine with one repository; it gives it to whoever shows the token.

Source: huggingface.co/docs/hub/api, "Get repo info", "List a tree"; for headers, huggingface_hub, `file_download.py`.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPOSITORY, COMMIT, TOKEN = "acme/base", "0123456789abcdef0123456789abcdef01234567", "hf_of_the_test"


@contextmanager
def hub(files: Mapping[str, bytes]) -> Iterator[str]:
    """Its address.

    Args:
        files: Of the repository at `COMMIT`.
    """
    answers = _answers(files)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            known = answers.get(self.path.partition("?")[0])
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._answer(401, b"{}")
            elif known is None:
                self._answer(404, b"{}")
            else:
                self._answer(200, known)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answers(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is told under each path."""
    about = {"id": REPOSITORY, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
    tree = [
        {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for name, content in files.items()
    ]
    return {
        f"/api/models/{REPOSITORY}/revision/{COMMIT}": json.dumps(about).encode(),
        f"/api/models/{REPOSITORY}/tree/{COMMIT}": json.dumps(tree).encode(),
        **{f"/{REPOSITORY}/resolve/{COMMIT}/{name}": content for name, content in files.items()},
    }
