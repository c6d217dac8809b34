"""Application Insights and Kusto on this machine, as far as Microsoft's own clients see them."""

import gzip
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

Mode = Literal["take", "refuse", "slow", "die"]
KEY = "00000000-0000-0000-0000-000000000001"
KUSTO = {"Tables": [{"TableName": "T", "Columns": [{"ColumnName": "C", "DataType": "String"}], "Rows": []}]}


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps (path, JSON documents) of what it is sent, and answers according to its mode."""

    mode: Mode = "take"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, list[dict[str, Any]]]] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint={self.uri}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self.answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        told = json.loads(text) if text.startswith(b"[") else [json.loads(line) for line in text.splitlines()]
        if self.server.mode == "refuse":
            self.answer(400, {"error": {"code": "BadRequest", "message": "no", "@permanent": True}})
            return
        self.server.got.append((self.path, told))
        if self.server.mode == "die":  # killed after it took everything, before it could say so
            self.close_connection = True
            return
        if self.server.mode == "slow":
            time.sleep(3.0)
        insights = {"itemsReceived": len(told), "itemsAccepted": len(told), "errors": []}
        self.answer(200, KUSTO if "/ingest/" in self.path else insights)

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
