"""A button that takes photos, and what was taken: a preview of each with the date and place that the camera wrote.

Files stay in memory, and only until they are used or taken out again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.domain.errors import PetfinderError
from petfinder.domain.pets import Photo, Place
from petfinder.page.desk import Upload
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Visit

_SMALL = 72
# stands in the button for a photo that was taken out of it
_COUNTED = {
    "name": "",
    "type": "",
    "size": 0,
    "content": memoryview(b""),
    "last_modified": datetime.fromtimestamp(0, timezone.utc),
}


class PhotoUpload:
    """Takes photos (several, or with several=False one) and shows what it has; `changed` is called when they change.

    Photos are added to those that it has, or with anew=True take their place: two animals must not be mixed.
    Only readable photos within the limits are taken; of others `messages` says why not.
    """

    def __init__(
        self,
        visit: Visit,
        messages: parts.Messages,
        label: str,
        *,
        changed: Callable[[], object] = lambda: None,
        several: bool = True,
        anew: bool = False,
    ) -> None:
        self._visit, self._messages, self._changed = visit, messages, changed
        self._adding = several and not anew
        self._taken: list[tuple[Upload, Photo]] = []
        look = {"layout": ipw.Layout(width="auto"), "_dom_classes": ("pf-upload",)}
        self.button = ipw.FileUpload(description=label, accept="image/*,.heic,.heif", multiple=several, **look)
        self.button.observe(self._received, "value")
        self._previews = parts.tiles([], least=330)
        self.widget = parts.column(self.button, self._previews)

    @property
    def uploads(self) -> list[Upload]:
        """The files that it has."""
        return [upload for upload, _ in self._taken]

    @property
    def place(self) -> Place | None:
        """Where the first photo that says so was taken."""
        return next((photo.place for _, photo in self._taken if photo.place), None)

    def clear(self) -> None:
        """Let go of all files."""
        self._taken = []
        self._show()

    def _received(self, change: Any) -> None:
        files = [
            Upload(wording.clip(file["name"], 80) or "photo", bytes(file["content"]))
            for file in change["new"]
            if file["name"] != _COUNTED["name"]
        ]
        if not files:
            return
        refused: list[str] = []
        with self._messages.trying("Reading your photos …", self.button):
            self._visit.desk.check_uploads([*(self.uploads if self._adding else []), *files])
            taken = [one for file in files if (one := self._read(file, refused))]
            if taken:
                held = [*(self._taken if self._adding else []), *taken]
                self._taken = [*{photo.photo_id: (upload, photo) for upload, photo in held}.values()]
                self._show()
                self._changed()
            if refused:
                self._messages.warn(" ".join(refused))
        self._count()

    def _read(self, file: Upload, refused: list[str]) -> tuple[Upload, Photo] | None:
        try:
            return file, self._visit.desk.look_at(file)
        except PetfinderError as error:
            refused.append(parts.sentence_of(error))
            return None

    def _take_out(self, photo_id: str | None) -> None:
        self._taken = [one for one in self._taken if one[1].photo_id != photo_id]
        self._show()
        self._changed()

    def _count(self) -> None:
        """Let the button, which counts its files, count those that are held; the bytes need not stay in it."""
        self.button.value = (_COUNTED,) * len(self._taken)

    def _show(self) -> None:
        self._count()
        parts.show(self._previews, [self._preview(upload, photo) for upload, photo in self._taken])

    def _preview(self, upload: Upload, photo: Photo) -> ipw.Widget:
        facts = [
            f"taken {wording.day(photo.taken_at)}" if photo.taken_at else "no date in it",
            f"near {photo.place.lat:.2f}, {photo.place.lon:.2f}" if photo.place else "no place in it",
        ]
        picture = markup.picture(photo, f"your photo {upload.name}", width=_SMALL)
        small = markup.block(picture, style=f"flex:0 0 {_SMALL}px")
        lines = markup.line(wording.clip(upload.name, 40)), markup.quiet(", ".join(facts))
        text = markup.block(*lines, style="min-width:0")
        shown = parts.html(markup.block(small, text, style="display:flex;gap:10px;align-items:center"), "pf-grow")
        out = parts.button("Take out", lambda: self._take_out(photo.photo_id), tooltip=f"Take out {upload.name}")
        return parts.row(shown, out, css="pf-preview")
