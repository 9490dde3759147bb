"""Find by photo: hand in a photo, and see at once who it may be."""

from __future__ import annotations

from petfinder.domain.verdicts import Verdict
from petfinder.page.widgets import parts
from petfinder.page.widgets.filters import FilterFields
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import matches_shown
from petfinder.page.widgets.uploads import PhotoUpload

_ELSEWHERE = "Not among them? If you found it, use “Report a stray”; if it is yours, “Report a lost pet”."


class FindPanel(Panel):
    """Photos of one animal in, the gallery of matches out; the search starts by itself."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.upload = PhotoUpload(visit, self.messages, "Choose a photo of the pet", changed=self.search, anew=True)
        self.button = parts.button("Search again", self.search, kind="primary")
        self.filters = FilterFields(self.button, from_photo=True)
        parts.see(self.button, False)
        self.answer = parts.column([])
        self.widget = parts.column(
            [
                parts.heading("Find by photo"),
                parts.note(
                    "Found a pet, or lost yours? Choose a photo of it, or several: you see who looks like it here."
                ),
                self.upload.widget,
                self.filters.widget,
                self.messages.widget,
                self.answer,
            ]
        )

    def search(self) -> None:
        """Look for the pet in the photos; where there are none left, show nothing."""
        uploads = self.upload.uploads
        parts.see(self.button, bool(uploads))
        self.filters.offer_photo_place(self.upload.place)
        if not uploads:
            self.messages.clear()
            parts.show(self.answer, [])
            return
        with self.messages.trying("Searching …", self.button, self.upload.button):
            where = self.filters.filter(self.upload.place)
            matches = self.visit.pets.find(uploads, where=where)
            unsure = [parts.note(_ELSEWHERE)] if matches.found and matches.verdict is Verdict.UNKNOWN else []
            parts.show(self.answer, [matches_shown(self.visit, matches), *unsure])

    def shown(self) -> None:
        """Search again where pets have changed meanwhile."""
        if self.stale:
            self.search()

    def species_changed(self) -> None:
        """The same photo is looked for among the other species."""
        self.search()
