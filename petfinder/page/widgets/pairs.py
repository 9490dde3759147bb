"""Pairs to check: two reports that may be one animal, side by side, for volunteers to say so or not."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from petfinder.display import wording
from petfinder.display.html import markup
from petfinder.domain.pairs import Pair
from petfinder.domain.pets import Status
from petfinder.page.desk import PAIRS
from petfinder.page.widgets import parts
from petfinder.page.widgets.panel import Panel, Visit
from petfinder.page.widgets.results import pet_shown


class PairsPanel(Panel):
    """The open pairs, 20 on a page; what was said last can be taken back until the panel is left."""

    title = "Pairs to check"

    def __init__(self, visit: Visit) -> None:
        super().__init__(visit)
        self.lay_out(parts.note("Reports that may be one animal. Compare the photos, and call before you decide."))

    def shown(self, after: str = "") -> None:
        """List the open pairs behind this id; while the desk is locked nothing but what is needed."""
        parts.show(self.answer, [])
        with self.messages.trying("Looking …"):
            self._list(after)

    access_changed = shown

    def _list(self, after: str, *above: ipw.Widget) -> None:
        pairs, styles = self.visit.pets.pairs(after), parts.SharedStyles()
        shown = [self._pair(pair, after, styles) for pair in pairs[:PAIRS]] or [parts.note("No pair is open here.")]
        turns = [parts.button("First page", self.shown)] if after else []
        if len(pairs) > PAIRS:
            turns.append(parts.button("Next", lambda: self.shown(pairs[PAIRS - 1].pair_id)))
        parts.show(self.answer, [*above, *shown, parts.row(*turns)])
        for widget in above:
            widget.focus()

    def _pair(self, pair: Pair, after: str, styles: parts.SharedStyles) -> ipw.Widget:
        names = " and ".join(wording.name_of(pet) for pet in pair.pets)
        why = f"{wording.chance_of(pair)} that they are one animal: {wording.reasons_of(pair)}"
        merging = Status.LOST not in {pet.status for pet in pair.pets}

        def say(decide: Callable[[str, str], object], said: str, *, undo: bool = True) -> None:
            with self.messages.trying("One moment …"):
                decide(*(pet.pet_id for pet in pair.pets))
                self._list(after, *([parts.button("Undo", take_back)] if undo else []))
                self.messages.say(f"{names}: {said}.")
                self.visit.changed()

        confirm = lambda: say(self.visit.pets.confirm, "one report now" if merging else "reunited", undo=not merging)
        take_back = lambda: say(self.visit.pets.undo, "taken back", undo=False)

        def ask() -> None:
            no = parts.button("Cancel", lambda: self.shown(after))
            question = parts.note(f"{names} become one report, with the photos of both. This cannot be undone.")
            parts.show(self.answer, [question, parts.row(parts.button("Yes, one report", confirm, kind="danger"), no)])
            no.focus()

        one = parts.button("One animal", ask if merging else confirm, kind="primary", styles=styles)
        other = parts.button("Not the same", lambda: say(self.visit.pets.dismiss, "not the same"), styles=styles)
        text = parts.html(parts.heading_html(names, 3) + markup.line(why), styles=styles)
        pets = [pet_shown(self.visit, pet, styles, call=True) for pet in pair.pets]
        both, buttons = parts.row(*pets, css="pf-pair", styles=styles), parts.row(one, other, styles=styles)
        return parts.column(text, both, buttons, styles=styles)
