"""What the server does at each of its doors: the page, its scripts, a visitor's line, and where a process waits."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import FileFindHandler
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler, authenticated
from voila.request_info_handler import RequestInfoSocketHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler, read_header_from_binary_message

MOST_VISITORS = 40
PROTOCOL = "v1.kernel.websocket.jupyter.org"
NO_MESSAGE = 1007
PRINTED = ("stream", "error")
TILES = "https://tile.openstreetmap.org https://*.tile.openstreetmap.org"


class PageHandler(TornadoVoilaHandler):  # type: ignore[misc]
    """The page itself; its Content-Security-Policy lets a browser load nothing from elsewhere."""

    write_error = RequestHandler.write_error

    @authenticated
    async def get(self) -> None:
        """The page for a new visitor, with a process of its own behind it.

        403 for what a browser loads into another page (a picture, a frame), 503 where there are too many visitors.
        """
        if self.request.headers.get("Sec-Fetch-Dest", "document") != "document":
            raise HTTPError(403)
        if len(self.kernel_manager.list_kernel_ids()) >= MOST_VISITORS:
            self.set_status(503)
            self.finish("petfinder has as many visitors as it can serve. Please try again in a few minutes.")
            return
        tiles = f" {TILES}" if self.settings["petfinder_tiles"] else ""
        lines = " ".join(
            f"ws://{name} wss://{name}" for name in (self.request.host, self.settings["petfinder_host"]) if name
        )
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:;"
            f" img-src 'self' data: blob:{tiles}; connect-src 'self' data: blob: {lines};"
            " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
        )
        self.xsrf_token  # noqa: B018  (sets the cookie by which a visitor may end the process when leaving)
        await super().get()


class WidgetHandler(FileFindHandler):
    """The scripts of the widgets, from where Jupyter keeps them."""

    write_error = RequestHandler.write_error


class LineHandler(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """A visitor's line to the process behind the page; what that process prints stays here."""

    write_error = RequestHandler.write_error

    async def get(self, kernel_id: str) -> None:
        """Open a line that speaks v1, as the page does; 400 for any other.

        Voila reads whatever goes out as v1. In another form it may read a count of billions and make room for as many
        parts: one visitor would hang the server for all.
        """
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in (name.strip() for name in offered.split(",")):
            raise HTTPError(400)
        await super().get(kernel_id)

    async def open(self, kernel_id: str) -> None:
        """Note that the visitor has come."""
        self.settings["petfinder_met"].add(kernel_id)
        await super().open(kernel_id)

    def on_message(self, message: bytes | str) -> None:
        """Pass on what the page's widgets say; the line of who sends anything else is closed."""
        try:
            if not (isinstance(message, bytes) and int.from_bytes(message[:8], "little") * 8 < len(message)):
                raise ValueError("a message of more parts than it has bytes: readers make room for them unseen")
            super().on_message(message)
        except Exception as error:
            app_log.warning("A visitor's line was closed: its message could not be read (%s).", type(error).__name__)
            self.close(NO_MESSAGE)

    def write_message(self, message: bytes, binary: bool = True) -> Any:
        """Send what is for the page's widgets, while somebody is there to hear it."""
        if self.ws_connection is None or self.ws_connection.is_closing():
            return None  # what Jupyter still has for a closed line is in another form than v1
        header = read_header_from_binary_message(message)
        if header and header.get("msg_type") in PRINTED:
            return None
        sent = super().write_message(message, binary)
        sent.add_done_callback(lambda done: done.cancelled() or done.exception())  # who has left misses it: no error
        return sent


class WarmHandler(RequestInfoSocketHandler):  # type: ignore[misc]
    """Where a process that is ready for the next visitor waits until one comes."""

    def open(self, kernel_id: str) -> None:
        """Let a process of this server wait, once."""
        self._identity = kernel_id
        if kernel_id not in self.settings["kernel_manager"] or kernel_id in self._waiters:
            self.close()
        else:
            super().open(kernel_id)
            self._cache.pop(kernel_id, None)

    def on_close(self) -> None:
        """It waits no more; the others do."""
        if self._waiters.get(self._identity) is self:
            del self._waiters[self._identity]

    @classmethod
    def waiting(cls) -> set[str]:
        """The processes that wait for a visitor."""
        return {*cls._waiters}
