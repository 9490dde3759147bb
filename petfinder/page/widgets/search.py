"""Look for pets: by photo, by words, or through all of them, 48 on a page."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.domain.fields import FIELD
from petfinder.domain.pets import SPECIES
from petfinder.domain.verdicts import Verdict
from petfinder.page.desk import PAGE, WordsAnswer
from petfinder.page.widgets import parts
from petfinder.page.widgets.fields import STATUSES, FilterFields, filter_of, pet_input
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import matches_shown, pets_shown
from petfinder.page.widgets.uploads import PhotoUpload

_ELSEWHERE = "Not among them? If you found it, use “Report a stray”; if it is yours, “Report a lost pet”."
SPECIES_CHOICES = [(f"{name}s".capitalize(), name) for name in SPECIES]
_WRITTEN, _MEANT = "words", "meaning"
_WAYS = (("in names, breeds and notes", _WRITTEN), ("by what the photos look like", _MEANT))


class FindPanel(Panel):
    """Photos of one animal in, the gallery of matches out; the search starts by itself."""

    title = "Find by photo"

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.upload = PhotoUpload(visit, self.messages, "Choose a photo of the pet", changed=self.search, anew=True)
        self.button = parts.button("Search again", self.search, kind="primary")
        self.filters = FilterFields(self.button)
        parts.see(self.button, False)
        self.species = parts.chooser([("All animals", ""), *SPECIES_CHOICES], "", "pf-species")
        self.species.observe(self._species_chosen, "value")
        hint = "Found a pet, or lost yours? Choose a photo of it, or several: you see who looks like it here."
        self.lay_out(parts.note(hint), self.species, self.upload.widget, self.filters.widget)

    def _species_chosen(self, _: object) -> None:
        if self.species.value:
            self.visit.choose(self.species.value)
        self.search()

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
            desk = self.visit.desk.of(self.species.value) if self.species.value else self.visit.desk
            matches = desk.find(uploads, where=where)
            other = matches.looks_like
            notes = [f"This looks like a {other}, and no {other}s were searched."] if other else []
            notes += [_ELSEWHERE] if matches.found and matches.verdict is Verdict.UNKNOWN else []
            parts.show(self.answer, [matches_shown(self.visit, matches), *map(parts.note, notes)])

    def shown(self) -> None:
        """Search again where pets have changed meanwhile."""
        if self.stale:
            self.search()


class WordsPanel(Panel):
    """A field for words, and the pets that they find; the answer says how the words were meant."""

    title = "Search by words"

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.text = parts.field(ipw.Text, "Name, breed, colour, or chip number")
        self.way = parts.chooser(_WAYS, "Where to look")
        self.button = parts.button("Search", self.search, kind="primary")
        parts.on_enter(self.text, self.search)
        parts.see(self.way, False)
        self.lay_out(parts.row(self.text, self.button, css="pf-narrow"), self.way)

    def shown(self) -> None:
        """Offer to look by meaning where the encoder knows text; search again where pets have changed meanwhile."""
        with self.messages.trying("One moment …"):
            knows_text = self.visit.pets.knows_text
            parts.see(self.way, knows_text)
            if not knows_text:
                self.way.value = _WRITTEN
        if self.stale and self.answer.children:
            self.search()

    def species_changed(self) -> None:
        """Clear what was found: it is of the other species."""
        self.shown()
        parts.show(self.answer, [])
        self.messages.clear()

    def search(self) -> None:
        """Show the pets that the words find, and say how the words were meant."""
        words = self.text.value
        if not words.strip():
            parts.show(self.answer, [])
            self.messages.say("Write a word or two, or a chip number.")
            return
        with self.messages.trying("Searching …", self.button):
            answer = self.visit.pets.search(words, by_meaning=self.way.value == _MEANT)
            found = matches_shown(self.visit, answer.matches) if answer.matches else pets_shown(self.visit, answer.pets)
            parts.show(self.answer, [found])
            self.messages.say(_meaning_of(answer, words.strip(), self.visit.species))


def _meaning_of(answer: WordsAnswer, words: str, species: str) -> str:
    if answer.meant == "microchip":
        return "Found by chip number: this is the one pet that has it."
    if answer.meant == "meaning":
        return "Found by what the photos look like: nearest first, and the first need not be right."
    having = f"“{words}” in name, breed, colour or note."
    if answer.more:
        return f"The first {PAGE} {species}s with {having} Add a word to narrow it down."
    if not answer.pets:
        return f"No {species} has {having} Try fewer words, or find by photo."
    return f"{wording.counted(len(answer.pets), species)} with {having}"


class BrowsePanel(Panel):
    """Pets in the order of their ids, forwards and back."""

    title = "All pets"

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.status = parts.field(ipw.Dropdown, "Status", options=[*STATUSES])
        self.breed = pet_input(FIELD["breed"])
        self.button = parts.button("Show", lambda: self.first_page(self.button))
        self.status.observe(lambda _: self.first_page(), "value")
        parts.on_enter(self.breed, self.first_page)
        self.where_we_are = parts.html("")
        self.above, self.below = self._pager(), self._pager()
        self._starts: list[str | None] = [None]  # the ids behind which the pages up to this one begin
        self._following: str | None = None
        self.found = parts.column()
        self.answer.children = (self.where_we_are, self.above, self.found, self.below)
        self.lay_out(parts.row(self.status, self.breed, self.button, css="pf-narrow"))

    def shown(self, *pressed: ipw.Button) -> None:
        """Show the page anew, for pets may have changed; the button that was pressed says that it runs."""
        with self.messages.trying("Looking …", *pressed):
            where = filter_of(status=self.status.value, breed=self.breed.value.strip())
            page = self.visit.pets.page(after=self._starts[-1], where=where)
            while not page.pets and len(self._starts) > 1:  # its last pet was removed
                self._starts.pop()
                page = self.visit.pets.page(after=self._starts[-1], where=where)
            self._following = page.following
            parts.show(self.found, [pets_shown(self.visit, page.pets)])
            number, pages = len(self._starts), max(1, -(-page.count // PAGE))
            count = wording.counted(page.count, self.visit.species)
            place = f", page {number} of {pages}" if pages > 1 else ""
            self.where_we_are.value = f'<p role="status">{count}{place}</p>'
            for pager in (self.above, self.below):
                previous, following = pager.children
                previous.disabled, following.disabled = number == 1, page.following is None
                parts.see(pager, number > 1 or page.following is not None)

    def species_changed(self) -> None:
        """Begin at the first page of the other species."""
        self.first_page()

    def first_page(self, *pressed: ipw.Button) -> None:
        """Show the first page of what the fields ask for."""
        self._starts = [None]
        self.shown(*pressed)

    def _pager(self) -> ipw.HBox:
        """The buttons for the page before and the one behind."""
        back = parts.button("Previous", lambda: self._turn_to(self._starts[:-1] or [None]))
        return parts.row(back, parts.button("Next", lambda: self._turn_to([*self._starts, self._following])))

    def _turn_to(self, starts: list[str | None]) -> None:
        self._starts = starts
        self.shown()
        previous, following = self.above.children
        (previous if following.disabled else following).focus()  # in view, to go on with the keyboard
