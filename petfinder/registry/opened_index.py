"""One index as a service has it open: its repository and the encoder that fills it, taken anew after a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from copy import copy
from functools import wraps
from threading import Lock
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast

import numpy as np

from petfinder.domain.errors import EncoderUnavailable, IndexMismatch, InvalidQuery, PhotoError
from petfinder.domain.evidence import Evidence
from petfinder.domain.pets import Pet, PetT, Photo, is_one_photo
from petfinder.domain.shown import Shown
from petfinder.domain.verdicts import Thresholds, Uncalibrated, thresholds_for
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.photos.read import PhotoLimits
from petfinder.registry.encoder_choice import check_is_encoder, chooser
from petfinder.registry.repository import PetRepository
from petfinder.registry.settings import load_settings

P = ParamSpec("P")
R = TypeVar("R")
OpenedT = TypeVar("OpenedT", bound="OpenedIndex[Any]")
Reopen = Callable[[], tuple[PetRepository[PetT], Encoder]]
MOVED = (IndexMismatch, EncoderUnavailable)  # what a call raises where the index may be rebuilt with another encoder


class OpenedIndex(Shown, Generic[PetT]):
    """The repository of one index and the encoder that filled it.

    `encoder`: the object or name of that one; None: as the index remembers it. `limits` bound the photos that are read;
    `evidence` is what is assumed beside them. `reopen` opens the index once more with the encoder that it remembers by
    then: a call that meets an index rebuilt with another encoder is repeated with that. Without it, or where `reopen`
    gives an encoder that is not the index's, such a call raises IndexMismatch.
    """

    def __init__(
        self,
        repository: PetRepository[PetT],
        encoder: str | Encoder | None = None,
        *,
        limits: PhotoLimits | None = None,
        evidence: Evidence | None = None,
        reopen: Reopen[PetT] | None = None,
    ) -> None:
        if not isinstance(repository, PetRepository):
            raise InvalidQuery("a service needs a repository: DogRepository(store, index)")
        if encoder is None or isinstance(encoder, str):
            encoder = chooser(encoder, load_settings())((repository.index, repository.spec))
        check_is_encoder(encoder)
        check_encoder(repository.encoder_identity, encoder, index=repository.index)
        self.repository = repository
        self.encoder = encoder
        self.limits = limits or PhotoLimits()
        self.evidence = evidence or Evidence()
        self._reopen = reopen
        self._opening = Lock()

    @property
    def thresholds(self) -> Thresholds | Uncalibrated:
        """The thresholds behind the verdicts: the index's own, else the encoder's for this species, else none."""
        brought = thresholds_for(self.encoder.thresholds, self.repository.species)
        return self.repository.thresholds or brought or Uncalibrated()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.repository.index!r} in {self.repository.store.location}>"

    def pinned(self) -> Self:
        """Copy this service as it is now: the copy keeps its repository and encoder, whatever is rebuilt."""
        with self._opening:
            same = copy(self)
        same._reopen = None
        return same

    def open_anew(self, stale: OpenedIndex[PetT]) -> bool:
        """Replace the repository and encoder of `stale` by those of now; returns False if these are the same.

        Raises IndexMismatch where the encoder that the index was rebuilt with cannot be chosen here.
        """
        if self._reopen is None:
            return False
        with self._opening:
            if self.repository is stale.repository:
                repository, encoder = self._reopen()
                if repository.encoder_identity == stale.repository.encoder_identity:
                    return False
                check_encoder(repository.encoder_identity, encoder, index=repository.index)
                self.repository, self.encoder = repository, encoder
        return True


def outliving_rebuilds(call: Callable[Concatenate[OpenedT, P], R]) -> Callable[Concatenate[OpenedT, P], R]:
    """Repeat a call of a service once, with the index and the encoder as they are after a rebuild.

    An encoder that cannot be had asks for that too: the index may have been moved from it. What came with an embedding
    cannot be encoded again: then the error is raised, and the next call goes to the rebuilt index.
    """

    @wraps(call)
    def repeated(service: OpenedT, /, *args: P.args, **kwargs: P.kwargs) -> R:
        pinned, ask = service.pinned(), cast(Callable[..., R], call)
        whole, named = [*map(_whole, args)], {name: _whole(value) for name, value in kwargs.items()}
        try:
            return ask(pinned, *whole, **named)
        except MOVED as mismatch:
            if not service.open_anew(pinned) or any(map(brings_embedding, (*whole, *named.values()))):
                raise
            try:
                return ask(service.pinned(), *whole, **named)
            except PhotoError as error:
                raise mismatch from error

    return repeated


def _whole(argument: Any) -> Any:
    """The argument, a stream as a list: it is read once, and may be asked for again."""
    return [*argument] if isinstance(argument, Iterator) and not is_one_photo(argument) else argument


def brings_embedding(argument: Any) -> bool:
    """Tell whether a photo, a pet's photo, or what is no photo came as an embedding, of an unknown encoder."""
    if isinstance(argument, Photo):
        return argument.embedding is not None
    if isinstance(argument, Pet):
        return any(map(brings_embedding, argument.photos))
    if isinstance(argument, (list, tuple, Set)):
        return any(isinstance(one, (int, float)) or brings_embedding(one) for one in argument)
    return isinstance(argument, np.ndarray) and argument.ndim < 3  # three: the pixels of a photo


def check_encoder(remembered: EncoderIdentity, encoder: Encoder, *, index: str) -> None:
    """Refuse an encoder other than the one that filled the index; raises IndexMismatch."""
    other = identity_of(encoder)
    if not other.is_same(remembered):
        raise IndexMismatch(f"index {index!r} was filled by {remembered}, not by {other}; name that one, or rebuild")
