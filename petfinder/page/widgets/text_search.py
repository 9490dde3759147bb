"""Search by words: in what is written of pets, by what photos look like, by chip number; the answer says which."""

from __future__ import annotations

import ipywidgets as ipw

from petfinder.page.desk import PAGE, WordsAnswer
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import matches_shown, pets_shown

_WRITTEN, _MEANT = "words", "meaning"
_WAYS = (("in names, breeds and notes", _WRITTEN), ("by what the photos look like", _MEANT))


class WordsPanel(Panel):
    """A field for words, and the pets that they find."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.text = parts.field(ipw.Text, "Name, breed, colour, or chip number")
        self.way = parts.chooser(_WAYS, "Where to look")
        self.button = parts.button("Search", self.search, kind="primary")
        self.answer = parts.column([])
        parts.on_enter(self.text, self.search)
        self.widget = parts.column(
            [
                parts.heading("Search by words"),
                parts.row([self.text, self.button], "pf-narrow"),
                self.way,
                self.messages.widget,
                self.answer,
            ]
        )
        parts.see(self.way, False)

    def shown(self) -> None:
        """Offer to look by meaning where the encoder knows text; search again where pets have changed meanwhile."""
        with self.messages.trying("One moment …"):
            knows_text = self.visit.pets.knows_text
            parts.see(self.way, knows_text)
            if not knows_text:
                self.way.value = _WRITTEN
        if self.stale and self.answer.children:
            self.search()

    def search(self) -> None:
        """Show the pets that the words find, and say how the words were meant."""
        words = self.text.value
        if not words.strip():
            parts.show(self.answer, [])
            self.messages.say("Write a word or two, or a chip number.")
            return
        with self.messages.trying("Searching …", self.button):
            answer = self.visit.pets.search(words, by_meaning=self.way.value == _MEANT)
            shown = matches_shown(self.visit, answer.matches) if answer.matches else pets_shown(self.visit, answer.pets)
            parts.show(self.answer, [shown])
            self.messages.say(_said(answer, words.strip(), self.visit.species))

    def species_changed(self) -> None:
        """What was found is of the other species."""
        self.shown()
        parts.show(self.answer, [])
        self.messages.clear()


def _said(answer: WordsAnswer, words: str, species: str) -> str:
    if answer.meant == "microchip":
        return "Found by chip number: this is the one pet that has it."
    if answer.meant == "meaning":
        return "Found by what the photos look like: nearest first, and the first need not be right."
    count = len(answer.pets)
    if answer.more:
        return (
            f"The first {PAGE} {species}s with “{words}” in name, breed, colour or note. Add a word to narrow it down."
        )
    if not count:
        return f"No {species} has “{words}” in name, breed, colour or note. Try fewer words, or find by photo."
    return f"{count} {species if count == 1 else f'{species}s'} with “{words}” in name, breed, colour or note."
