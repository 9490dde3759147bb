"""Edit a pet: its fields, its owner, its photos.

Holds contact: it is made only for a visitor who may see it and asked, and closed on lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.domain.pets import Owner, Pet, Photo
from petfinder.page.widgets import parts
from petfinder.page.widgets.fields import WAYS, OwnerFields, PetFields
from petfinder.page.widgets.panel import Visit
from petfinder.page.widgets.uploads import PhotoUpload

Done = Callable[[Pet, str], None]


class EditForm:
    """The form, filled with a whole pet; `done` is told the changed pet and what was done."""

    def __init__(self, visit: Visit, species: str, pet: Pet, messages: parts.Messages, done: Done) -> None:
        self._desk, self._pet, self._messages, self._done = visit.desk.of(species), pet, messages, done
        self.fields, self.owner = PetFields(), OwnerFields(visit, messages)
        self.fields.fill(pet)
        self.owner.fill(pet.owner)
        self._before = self._read()
        self.save = parts.button("Save", self._save, kind="primary")
        self.upload = PhotoUpload(visit, messages, "Add photos", changed=self._add)
        photos = [self._photo(photo) for photo in pet.photos]
        self.widget = parts.column(
            [
                parts.heading("Edit", 3),
                self.fields.widget,
                parts.heading("Who to call", 3),
                self.owner.widget,
                parts.row([self.save]),
                parts.heading("Photos", 3),
                parts.tiles(photos, least=150),
                self.upload.widget,
            ],
            "pf-area",
        )

    def _read(self) -> dict[str, Any]:
        return {**self.fields.read(), "owner": self.owner.read(self._pet.owner)}

    def _save(self) -> None:
        """Write what was changed here and nothing else, so that others' changes stay."""
        with self._messages.trying("Saving …", self.save):
            now = self._read()
            changes = {name: value for name, value in now.items() if value != self._before[name]}
            if not changes and not self.owner.picture:
                self._messages.say("Nothing was changed.")
                return
            if self.owner.picture or "owner" in changes:
                changes["owner"] = self._merged(now["owner"])
            pet = self._desk.update(self._pet.pet_id, changes, picture=self.owner.picture)
            self._done(pet, f"{wording.name_of(pet)} is saved.")

    def _merged(self, owner: Owner | None) -> Owner | None:
        """The owner as it is now, with what was changed here: others may have changed something else meanwhile."""
        before, current = self._before["owner"], self._desk.whole(self._pet.pet_id).owner
        if owner is None or before is None or current is None:
            return owner
        changed = {
            name: getattr(owner, name) for name in ("name", *WAYS) if getattr(owner, name) != getattr(before, name)
        }
        return current.model_copy(update=changed)

    def _add(self) -> None:
        if uploads := self.upload.uploads:
            with self._messages.trying("Adding …", self.upload.button):
                pet = self._desk.add_photos(self._pet.pet_id, uploads)
                self._done(pet, f"{wording.name_of(pet)} has {len(pet.photos)} photos now.")

    def _photo(self, photo: Photo) -> ipw.Widget:
        name = wording.photo_name(photo)
        shown = parts.html(markup.picture(photo, name) + markup.quiet(name))

        def remove() -> None:
            with self._messages.trying("Removing …", button):
                pet = self._desk.remove_photo(self._pet.pet_id, photo.photo_id or "")
                self._done(pet, "The photo is removed.")

        button = parts.button("Remove photo", remove, kind="danger", tooltip=f"Remove photo {name}")
        return parts.column([shown, button])
