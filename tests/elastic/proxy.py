"""A small HTTP proxy in front of a real server that makes faults where a test asks for them.

A fault is a function of a `Passage`, in `tests.elastic.faults`; a request that no rule takes is passed on as it is.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
UPSTREAM_SECONDS = 120


class Cut(Exception):
    """The connection to the client is to be closed without an answer."""


@dataclass(frozen=True)
class Answer:
    """A status, headers and a body, from the server or made by a fault."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Passage:
    """One request on its way, and in the log from its arrival on: what a fault may look at and do.

    `status` is what the client was answered, None where it was not (yet); `received` the bytes of its body that were
    read, `passed` those that went on to the server, None where nothing did.
    """

    handler: _Handler
    fault: str
    status: int | None = None
    received: int = 0
    passed: int | None = None

    def __post_init__(self) -> None:
        self.method, self.path, self.headers = self.handler.command, self.handler.path, self.handler.headers
        self.length = int(self.headers.get("Content-Length") or 0)
        self.ended = self.handler.server.ended

    def read(self, size: int | None = None) -> bytes:
        """So many bytes of the request's body, or what is left of it."""
        left = self.length - self.received
        part = self.handler.rfile.read(left if size is None else min(size, left))
        self.received += len(part)
        return part

    def forward(self, body: bytes | None = None) -> Answer:
        """Pass the request on, with this body instead of its own if one is given, and give the server's answer."""
        body = self.read() if body is None else body
        with self._upstream(len(body)) as upstream:
            upstream.send(body)
            self.passed = len(body)
            answer = upstream.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return Answer(answer.status, kept, answer.read())

    def forward_half(self) -> None:
        """Pass half of the body on, then close the connection to the server in the middle of it."""
        with self._upstream(self.length) as upstream:
            part = self.read(self.length // 2)
            upstream.send(part)
            self.passed = len(part)

    @contextmanager
    def _upstream(self, length: int) -> Iterator[http.client.HTTPConnection]:
        upstream = http.client.HTTPConnection(*self.handler.server.target, timeout=UPSTREAM_SECONDS)
        try:
            upstream.putrequest(self.method, self.path, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(length))
            upstream.endheaders()
            yield upstream
        finally:
            upstream.close()


Fault = Callable[[Passage], Answer]


@dataclass
class Rule:
    """A fault for requests whose method and path match, after `skip` of them, `times` times (None: always)."""

    fault: Fault
    method: str
    path: str
    skip: int
    times: int | None
    matched: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Whether this request gets the fault; counts it."""
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        self.matched += 1
        return self.skip < self.matched and (self.times is None or self.matched <= self.skip + self.times)


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        fault, passage = self.server.arrived(self)
        try:
            answer = fault(passage) if fault else passage.forward()
        except (Cut, OSError, http.client.HTTPException):
            self.close_connection = True
        else:
            passage.status = answer.status
            self._reply(passage, answer)

    def log_message(self, format: str, *args: Any) -> None:
        """The proxy's own log is enough."""

    def _reply(self, passage: Passage, answer: Answer) -> None:
        if passage.received < passage.length:  # an answer before the whole request was read: as gateways do it
            self.close_connection = True
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


class FaultProxy(ThreadingHTTPServer):
    """A proxy on a free port of this machine; with `tls`, it speaks https with that certificate."""

    daemon_threads = True

    def __init__(self, target_url: str, tls: ssl.SSLContext | None = None) -> None:
        target = urlsplit(target_url)
        self.target, self.tls, self.port = (target.hostname or "127.0.0.1", target.port or 80), tls, 0
        self.log: list[Passage] = []
        self.ended = threading.Event()
        self.connections: set[socket.socket] = set()
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self.open()

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen, on the same port as before if there was one."""
        self.ended.clear()
        super().__init__(("127.0.0.1", self.port), _Handler)
        self.port = self.server_port
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and close all connections: the next client is refused."""
        self.ended.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *error: object) -> None:
        self.close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is what this server is for; only what is wrong in a fault itself is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def add(self, fault: Fault, *, method: str = ".*", path: str = "", skip: int = 0, times: int | None = 1) -> Rule:
        """Make this fault for matching requests; the first rule that takes a request counts."""
        rule = Rule(fault, method, path, skip, times)
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules and the log."""
        with self._lock:
            self._rules.clear()
            self.log.clear()

    def arrived(self, handler: _Handler) -> tuple[Fault | None, Passage]:
        """Put a request into the log, with the fault of the first rule that takes it."""
        with self._lock:
            taken = (rule.fault for rule in self._rules if rule.takes(handler.command, handler.path))
            fault = next(taken, None)
            self.log.append(Passage(handler, fault.__name__ if fault else ""))
            return fault, self.log[-1]

    def seen(self, method: str = ".*", path: str = "") -> list[Passage]:
        """The requests so far whose method and path match."""
        with self._lock:
            return [one for one in self.log if re.fullmatch(method, one.method) and re.search(path, one.path)]
