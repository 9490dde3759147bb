"""Watching a registry: each receiver is told of each new pair at least once, and what was told is kept in a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Event, Lock

from pydantic import TypeAdapter, ValidationError

from petfinder.alerts.channel import Channel as Channel
from petfinder.alerts.message import subject_of
from petfinder.domain.errors import ConfigError
from petfinder.domain.pairs import Alert
from petfinder.registry.registry import Registry
from petfinder.tables.atomic import replacing

_STATE = TypeAdapter(dict[str, tuple[str, list[float]]])
"""By receiver: the position of the last alert that it was told, and when its last messages went, in epoch seconds."""


@dataclass
class Watch:
    """Tells receivers of new pairs, each on its own: who cannot be told waits for the next round alone.

    `state` is written after every message; one that the process ended before is sent again, under the same Message-ID.
    No receiver gets more than `an_hour` messages in an hour, or one a day where it has a digest; the rest comes later.
    Between the tries of a round are `pauses`, in seconds; `say` is given what is done, without contact and URLs. Raises
    ConfigError where `state` cannot be read and written.
    """

    registry: Registry
    channels: Sequence[Channel]
    state: Path
    an_hour: int
    say: Callable[[str], None]
    pauses: Sequence[float] = (1, 5)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._stop, self._lock = Event(), Lock()
        try:
            self._told = _STATE.validate_json(self.state.read_bytes()) if self.state.exists() else {}
        except (OSError, ValidationError) as error:
            raise ConfigError(f"{self.state} cannot be read as what alerts told; name another with --state") from error
        self._keep({})  # nobody is told anything as long as it cannot be written down

    def round(self) -> bool:
        """Tell everybody what is new, and say whether all could be told; raises StoreError, ConfigError."""
        with ThreadPoolExecutor(len(self.channels)) as pool:
            try:
                return all([*pool.map(self._tell, self.channels)])
            except KeyboardInterrupt:
                self._stop.set()  # what is on its way is sent to its end
                raise

    def _tell(self, channel: Channel) -> bool:
        told, sent = self._told.get(channel.name, ("", []))
        while not (self._stop.is_set() or self._full(channel, sent)):
            position, alerts = self._waiting(channel, told)
            if not alerts:
                if position != told:
                    self._keep({channel.name: (position, sent)})
                break
            pairs = [alert.pair for alert in alerts]
            for pause in (*self.pauses, 0):
                if not (problem := channel.send(pairs)) or self._stop.wait(pause):
                    break
            if problem:
                self.say(f"{channel.name} could not be told ({problem}); it is tried again in the next round")
                return False
            told, sent = alerts[-1].position, [*sent, self.clock()][-self.an_hour :]
            self._keep({channel.name: (told, sent)})
            self.say(f"told {channel.name}: {subject_of(pairs)}")
        return True

    def _full(self, channel: Channel, sent: Sequence[float]) -> bool:
        """Whether the receiver had its messages for this hour, or this day; a time to come is of a clock set wrong."""
        now = self.clock()
        past = [moment for moment in sent if moment <= now]
        if channel.receiver.digest == "daily":
            return date.fromtimestamp(now) in map(date.fromtimestamp, past)
        return sum(moment > now - 3600 for moment in past) >= self.an_hour

    def _waiting(self, channel: Channel, position: str) -> tuple[str, list[Alert]]:
        """What the next message tells, read anew each time, and the position of what was too improbable before it."""
        alerts: list[Alert] = []
        for alert in self.registry.alerts(after=position):
            if alert.pair.probability >= channel.receiver.least:
                alerts.append(alert)
                if channel.receiver.digest == "instant":
                    break
            elif not alerts:
                position = alert.position
        return position, alerts

    def _keep(self, told: dict[str, tuple[str, list[float]]]) -> None:
        with self._lock:
            self._told |= told
            try:
                self.state.parent.mkdir(parents=True, exist_ok=True)
                with replacing(self.state) as part:
                    part.write_bytes(_STATE.dump_json(self._told))
            except OSError as error:
                raise ConfigError(f"the state of alerts cannot be written to {self.state}: {error.strerror}") from error
