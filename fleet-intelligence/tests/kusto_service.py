"""A stand-in for Kusto's ingestion, which Microsoft's own SDK speaks to."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER = {
    "Tables": [
        {"TableName": "Table_0", "Columns": [{"ColumnName": "ConsumptionModel", "DataType": "String"}], "Rows": []}
    ]
}


class Kusto(http.server.ThreadingHTTPServer):
    """Keeps what it is sent: (path, headers, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Kusto

    def do_GET(self) -> None:
        self.answer(404, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        error = {"error": {"code": "BadRequest", "message": "no", "@permanent": True}}
        self.answer(self.server.status, json.dumps(ANSWER if self.server.status == 200 else error).encode())

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def kusto_service() -> Iterator[Kusto]:
    with Kusto() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
