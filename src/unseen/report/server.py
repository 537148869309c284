"""A page and its answers on 127.0.0.1, for one person: a token in the address, no other host, no other origin, nothing written."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from unseen.report.served import MOST_ROWS, Served

HOST = "127.0.0.1"
HEADERS = {
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip
# A connection that says nothing is closed.
SECONDS = 30


class AnswerServer(ThreadingHTTPServer):
    """Serves one page and the answers that it asks for, read-only.

    Attributes:
        address: Where the page is, with the token.
    """

    daemon_threads = True

    def __init__(self, page: str, answers: Served, *, port: int = 0) -> None:
        """Listen on this machine alone.

        Args:
            page: The HTML.
            answers: What it asks for.
            port: A free one by default.
        """
        super().__init__((HOST, port), _Handler)
        self.page, self.answers = page.encode(), answers
        self.token = secrets.token_urlsafe(24)
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        self.address = f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is no concern of the person at the terminal."""


class _Handler(BaseHTTPRequestHandler):
    server: AnswerServer  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = SECONDS
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "unseen", ""

    def do_GET(self) -> None:
        """The page, or answers as JSON."""
        try:
            status, kind, body = self._answer()
        except (ValueError, TypeError, KeyError) as error:
            status, kind, body = (
                HTTPStatus.BAD_REQUEST,
                "text/plain",
                f"{type(error).__name__} in what was asked".encode(),
            )
        self.send_response(status)
        for name, value in (
            HEADERS | {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal shows one line."""

    def _answer(self) -> tuple[HTTPStatus, str, bytes]:
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site", "none")
        # A name of another host means that a page elsewhere points its own name at this machine (DNS rebinding).
        if self.headers.get("Host") not in self.server.hosts or (
            origin and origin.removeprefix("http://") not in self.server.hosts
        ):
            return HTTPStatus.FORBIDDEN, "text/plain", b"Not from here."
        asked = urlsplit(self.path)
        _, token, *rest = asked.path.split("/", 2)
        if not hmac.compare_digest(token.encode(), self.server.token.encode()) or not rest:
            return HTTPStatus.NOT_FOUND, "text/plain", b"Not here: the address needs its token."
        if rest[0] == "":
            return HTTPStatus.OK, "text/html", self.server.page
        # A header of our own can't be sent from another origin without being asked about first.
        if site not in ("same-origin", "none") or self.headers.get("X-Unseen") != "1":
            return HTTPStatus.FORBIDDEN, "text/plain", b"Only the page itself may ask."
        query = {name: values[-1] for name, values in parse_qs(asked.query, keep_blank_values=True).items()}
        made = self._made(rest[0], query)
        if made is None:
            return HTTPStatus.NOT_FOUND, "text/plain", b"Not here."
        return (
            HTTPStatus.OK,
            "application/json",
            json.dumps(made, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"),
        )

    def _made(self, what: str, query: Mapping[str, str]) -> Any:
        answers = self.server.answers
        if what == "about":
            return answers.about()
        if what == "item":
            return answers.item(query["name"])
        if what != "find":
            return None
        state = json.loads(query.get("state", "{}"))
        if not isinstance(state, dict):
            raise ValueError("state is no object")
        start, count = int(query.get("from", "0")), int(query.get("count", "100"))
        return answers.find(state, max(0, start), min(max(0, count), MOST_ROWS))


__all__ = ["HOST", "AnswerServer"]
