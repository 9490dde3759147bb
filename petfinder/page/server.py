"""The server behind the page: Voila, with only those doors open that a visitor needs.

Knows Voila and tornado. It serves the page, the widgets' own scripts and styles, and each visitor's line to the process
behind the page; no file of the server, no list of visitors, no way to run code.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from jupyter_core.utils import run_sync
from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler, authenticated
from traitlets.config import Config
from voila.app import Voila
from voila.request_info_handler import RequestInfoSocketHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler, read_header_from_binary_message

from petfinder.desk import UPLOAD_LIMIT

FOLDER = Path(__file__).parent
NOTEBOOK = FOLDER / "page.ipynb"
ENVELOPE = 2**20
MESSAGE_LIMIT = UPLOAD_LIMIT * 4 // 3 + ENVELOPE
"""How many bytes one message of a visitor may have: the photos of one upload come as one message."""

WIDGETS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "jupyter-leaflet")
ONE_VISITOR = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
PRINTED = ("stream", "error")
MOST_VISITORS = 40
VANISHED_SECONDS = 300
LONGEST_FOLDER = 32  # a socket's name has at most 103 characters, of which Voila and Jupyter take 67
TILES = "https://tile.openstreetmap.org https://*.tile.openstreetmap.org"


class PageHandler(TornadoVoilaHandler):  # type: ignore[misc]
    """The page itself; its Content-Security-Policy lets a browser load nothing from elsewhere."""

    write_error = RequestHandler.write_error

    @authenticated
    async def get(self) -> None:
        """The page for a new visitor, with a process of its own behind it; 503 where there are too many already."""
        if len(self.kernel_manager.list_kernel_ids()) >= MOST_VISITORS:
            self.set_status(503)
            self.finish("petfinder has as many visitors as it can serve. Please try again in a few minutes.")
            return
        host, tiles = self.request.host, f" {TILES}" if self.settings["petfinder_tiles"] else ""
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:;"
            f" img-src 'self' data: blob:{tiles}; connect-src 'self' data: blob: ws://{host} wss://{host};"
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

    def write_message(self, message: bytes | str | dict[str, Any], binary: bool = False) -> Any:
        """Send what is for the page's widgets."""
        if isinstance(message, bytes):
            header = read_header_from_binary_message(message)
        else:
            header = (json.loads(message) if isinstance(message, str) else message).get("header")
        return None if (header or {}).get("msg_type") in PRINTED else super().write_message(message, binary)


class PageServer(Voila):  # type: ignore[misc]
    """Voila for one notebook on a socket that is bound already."""

    def __init__(self, bound: list[socket.socket], *, local: bool, tiles: bool, **given: Any) -> None:
        """`bound`: where to listen; `local`: only for this machine, so that no other host's name leads here."""
        logging.getLogger("tornado.general").setLevel(logging.ERROR)  # Jupyter's pings displease tornado, each time
        super().__init__(config=_config(local=local, tiles=tiles), **given)
        self._bound = bound

    def setup_template_dirs(self) -> None:
        """Voila's own template, with petfinder's page before it."""
        super().setup_template_dirs()
        self.template_paths.insert(0, str(FOLDER))

    def init_handlers(self) -> list[Any]:
        """Of Voila's routes those that a visitor needs: no files, no listings, no login, nothing that runs code."""
        page = next(route[2] for route in super().init_handlers() if route[1] is TornadoVoilaHandler)
        scripts = {"path": self.labextensions_path, "no_cache_paths": ["/"]}
        return [
            ("/", PageHandler, page),
            (r"/voila/static/([\w.-]+)", MultiStaticFileHandler, {"paths": self.static_paths}),
            (r"/voila/templates/(lab/static/[\w.-]+)", TemplateStaticFileHandler),
            (rf"/voila/labextensions/((?:{'|'.join(WIDGETS)})/static/[\w.-]+)", WidgetHandler, scripts),
            (f"/api/kernels/{ONE_VISITOR}", KernelHandler),
            (f"/api/kernels/{ONE_VISITOR}/channels", LineHandler),
            (f"/voila/query/{ONE_VISITOR}", RequestInfoSocketHandler),
            (r"/voila/api/shutdown/([\w-]+)", VoilaShutdownKernelHandler),
        ]

    def listen(self) -> None:
        """Serve until Ctrl-C or SIGTERM; the visitors' processes end with it."""
        HTTPServer(self.app, max_body_size=ENVELOPE).add_sockets(self._bound)
        self.ioloop = IOLoop.current()
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def stop(self) -> None:
        """End the visitors' processes at once: what they wrote until now is kept."""
        run_sync(self.kernel_manager.shutdown_all)(now=True)
        shutil.rmtree(self.connection_dir, ignore_errors=True)


def _config(*, local: bool, tiles: bool) -> Config:
    """The settings of Voila, of Jupyter's kernels and of tornado that the page rests on."""
    return Config(
        {
            "Voila": {
                "config_file_paths": [],  # a voila.json in the working folder must not open what is closed here
                "open_browser": False,
                "log_level": "ERROR",
                "tornado_settings": {
                    "websocket_max_message_size": MESSAGE_LIMIT,
                    "allow_remote_access": not local,
                    "local_hostnames": ["localhost"],
                    "petfinder_tiles": tiles,
                    "headers": {"Referrer-Policy": "no-referrer"},
                },
            },
            "VoilaConfiguration": {
                "file_allowlist": [],
                "allow_template_override": "NO",
                "allow_theme_override": "NO",
                "show_tracebacks": False,
                "preheat_kernel": True,
                "default_pool_size": 1,
                "extension_allowlist": list(WIDGETS),
                "resources": {"most_bytes": UPLOAD_LIMIT},
            },
            "MappingKernelManager": {
                "cull_idle_timeout": VANISHED_SECONDS,
                "cull_interval": VANISHED_SECONDS // 5,
            },
            "KernelManager": {"shutdown_wait_time": 1.0, **_line_to_processes()},
            "ZMQChannelsWebsocketConnection": {"limit_rate": False},  # 48 pictures at once are no runaway loop
        }
    )


def _line_to_processes() -> dict[str, str]:
    """How the server talks with the visitors' processes, so that nobody else on this machine can listen.

    By sockets in a folder of its own, where there are such and its name is short enough for them; else by ports,
    encrypted where Jupyter knows how.
    """
    short = len(tempfile.gettempdir()) <= LONGEST_FOLDER
    return {"transport": "ipc"} if os.name == "posix" and short else {"transport_encryption": "auto"}
