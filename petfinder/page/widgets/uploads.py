"""A button that takes photos of one animal. Files stay in memory."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from petfinder.display.html import markup
from petfinder.domain.pets import Photo
from petfinder.page.desk import Desk, Upload
from petfinder.page.widgets import parts
from petfinder.photos.read import completed, read_photo

_SMALL = 96


class PhotoUpload:
    """Takes readable photos and shows what it has; `changed` is called when there are others.

    Those that are chosen anew take the place of those before: two animals must not be mixed.
    """

    def __init__(self, desk: Desk, messages: parts.Messages, changed: Callable[[], object] = lambda: None) -> None:
        self._desk, self._messages, self._changed = desk, messages, changed
        self.uploads: list[Upload] = []
        self.button = ipw.FileUpload(
            description="Choose photos of one animal",
            accept="image/*,.heic,.heif",
            multiple=True,
            layout=ipw.Layout(width="max-content"),
        )
        self.button.observe(lambda _: self._received(), "value")
        self._preview = parts.row()
        self.widget = parts.column(self.button, self._preview)

    def clear(self) -> None:
        """Let go of all files."""
        self.button.value = ()

    def _received(self) -> None:
        self.uploads = []
        parts.show(self._preview)
        with self._messages.trying("Reading the photos …", self.button):
            files = [Upload(file["name"], bytes(file["content"])) for file in self.button.value]
            self._desk.check_uploads(files)
            pictures = [
                markup.picture(completed(Photo(), read_photo(file.photo())), file.name, width=_SMALL) for file in files
            ]
            parts.show(self._preview, *(ipw.HTML(one, layout=ipw.Layout(width=f"{_SMALL}px")) for one in pictures))
            self.uploads = files
        if self.uploads:
            self._changed()
