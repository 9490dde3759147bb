"""The server behind the page: Voila, with only those doors open that a visitor needs.

It serves the page, the widgets' own scripts and styles, and each visitor's line to the process behind the page; no
file of the server, no list of visitors, no way to run code.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jupyter_core.utils import run_sync
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler

from petfinder.page.desk import UPLOAD_LIMIT
from petfinder.page.server.handlers import LineHandler, PageHandler, WarmHandler, WidgetHandler

FOLDER = Path(__file__).parent
NOTEBOOK = FOLDER / "page.ipynb"
ENVELOPE = 2**20
MESSAGE_LIMIT = UPLOAD_LIMIT * 4 // 3 + ENVELOPE
"""How many bytes one message of a visitor may have: the photos of one upload come as one message."""

WIDGETS = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "jupyter-leaflet")
ONE_VISITOR = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
NEVER_MET_SECONDS = 90  # the scripts of the page have 5 MB, for which a slow line needs most of a minute
VANISHED_SECONDS = 300
LONGEST_FOLDER = 32  # a socket's name has at most 103 characters, of which Voila and Jupyter take 67
LOGS = ("tornado.access", "tornado.application", "tornado.general")
IDENTITY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PageServer(Voila):  # type: ignore[misc]
    """Voila for one notebook on a socket that is bound already."""

    def __init__(
        self, bound: list[socket.socket], *, local: bool, tiles: bool, host: str | None = None, **options: Any
    ) -> None:
        """`bound`: where to listen; `local`: for this machine only, so that no name leads here but `host`."""
        logging.getLogger("tornado.general").setLevel(logging.ERROR)  # Jupyter's pings displease tornado, each time
        super().__init__(config=_config(local=local, tiles=tiles, host=host), **options)
        for name in (*LOGS, self.log.name):
            logging.getLogger(name).addFilter(without_identities)
        self._bound = bound
        self._of_processes = f"/{secrets.token_urlsafe()}/"
        os.environ["VOILA_WS_BASE_URL"] = self._of_processes

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
            (f"{self._of_processes}voila/query/{ONE_VISITOR}", WarmHandler),
            (r"/voila/api/shutdown/([\w-]+)", VoilaShutdownKernelHandler),
        ]

    def listen(self) -> None:
        """Serve until Ctrl-C or SIGTERM; the visitors' processes end with it."""
        HTTPServer(self.app, max_body_size=ENVELOPE).add_sockets(self._bound)
        self.ioloop = IOLoop.current()
        PeriodicCallback(self._end_never_met, 1000 * NEVER_MET_SECONDS / 9).start()
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    async def _end_never_met(self) -> None:
        """End the processes of those who asked for the page and never opened a line: no browser, or one that left."""
        manager, met = self.kernel_manager, self.app.settings["petfinder_met"]
        met.intersection_update(manager.list_kernel_ids())
        latest = datetime.now(UTC) - timedelta(seconds=NEVER_MET_SECONDS)
        for identity in {*manager.list_kernel_ids()} - met - WarmHandler.waiting():
            process = manager.get_kernel(identity) if identity in manager else None
            if process is not None and process.execution_state == "idle" and process.last_activity < latest:
                await manager.shutdown_kernel(identity, now=True)

    def stop(self) -> None:
        """End the visitors' processes at once: what they wrote until now is kept."""
        run_sync(self.kernel_manager.shutdown_all)(now=True)
        shutil.rmtree(self.connection_dir, ignore_errors=True)


def without_identities(record: logging.LogRecord) -> bool:
    """Take the names of visitors' processes out of a log line: who knows one can read along."""
    record.msg, record.args = IDENTITY.sub("...", record.getMessage()), ()
    if record.exc_info:
        record.exc_text = IDENTITY.sub("...", logging.Formatter().formatException(record.exc_info))
    return True


def _config(*, local: bool, tiles: bool, host: str | None) -> Config:
    """The settings of Voila, of Jupyter's kernels and of tornado that the page rests on.

    The server talks with the visitors' processes so that nobody else on this machine can listen: by sockets in a folder
    of its own, where there are such and its name is short enough; else by ports, encrypted where Jupyter knows how.
    """
    sockets = os.name == "posix" and len(tempfile.gettempdir()) <= LONGEST_FOLDER
    line = {"transport": "ipc"} if sockets else {"transport_encryption": "auto"}
    return Config(
        {
            "Voila": {
                "config_file_paths": [],  # a voila.json in the working folder must not open what is closed here
                "open_browser": False,
                "log_level": "ERROR",
                "tornado_settings": {
                    "websocket_max_message_size": MESSAGE_LIMIT,
                    "allow_remote_access": not local,
                    "local_hostnames": ["localhost", *([host] if host else [])],
                    "allow_origin_pat": f"https://{re.escape(host)}(:[0-9]+)?" if host else None,
                    "petfinder_host": host,
                    "petfinder_met": set(),
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
            "KernelManager": {"shutdown_wait_time": 1.0, **line},
            "ZMQChannelsWebsocketConnection": {"limit_rate": False},  # 48 pictures at once are no runaway loop
        }
    )
