"""Service that knows no batch and no file, as after all of them were cleaned."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    """Answers the list of batches, and nothing else."""

    def do_GET(self) -> None:
        """Answer a request."""
        is_list = self.path.partition("?")[0] == "/v1/batches"
        body = json.dumps({"object": "list", "data": [], "has_more": False}).encode()
        self.send_response(200 if is_list else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def empty_service() -> Iterator[str]:
    """Address of such a service, which listens meanwhile."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
