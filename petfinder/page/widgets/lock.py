"""The lock of a page: a field for the passphrase while it is locked, a button that locks it again while it is open."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from petfinder.page.access import Access
from petfinder.page.widgets import parts


class Lock:
    """Nothing at all where no passphrase is set; `changed` is called when it was unlocked or locked."""

    def __init__(self, access: Access, changed: Callable[[], None]) -> None:
        self._access, self._changed = access, changed
        self.messages = parts.Messages()
        self.passphrase = parts.field(ipw.Password, "Passphrase")
        self.unlock = parts.button("Unlock", self._unlock)
        self.lock = parts.button("Lock", self._lock)
        parts.on_enter(self.passphrase, self._unlock)
        self._controls = parts.row([])
        self._note = parts.note("Only to see contact details and to change something.")
        self.widget = parts.column([self._controls, self._note, self.messages.widget], "pf-lock")
        self._show()

    def _show(self) -> None:
        open_now = self._access.is_open
        shown = [self.lock] if open_now else [self.passphrase, self.unlock]
        self._controls.children = tuple(shown) if self._access.needed else ()
        parts.see(self._note, not open_now)

    def _unlock(self) -> None:
        given, self.passphrase.value = self.passphrase.value, ""
        if not given:
            return
        with self.messages.trying("Checking …", self.unlock):
            if not self._access.unlock(given):
                self.messages.warn("That is not the passphrase.")
                return
            self._show()
            self._changed()
            self.lock.focus()

    def _lock(self) -> None:
        self._access.lock()
        self.messages.clear()
        self._show()
        self._changed()
        self.passphrase.focus()
