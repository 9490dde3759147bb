"""Registry: the services of one named set of indexes in one store, one index for each species."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Self, TypeVar

from petfinder.domain.errors import ConfigError, IndexExists, IndexNotFound, InvalidQuery
from petfinder.domain.evidence import Evidence
from petfinder.domain.field_names import FieldNames
from petfinder.domain.filters import AnyFilter
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pairs import Alert
from petfinder.domain.pets import (
    SPECIES,
    AnyPhoto,
    AnyPlace,
    Cat,
    Dog,
    Owner,
    Pet,
    PetT,
    Photo,
    several_photos,
    species_of,
)
from petfinder.domain.shown import Shown
from petfinder.domain.values import AnyMoment, check_kind
from petfinder.encoders.base import Encoder, EncoderIdentity
from petfinder.encoders.load import is_former
from petfinder.matching.judge import over_species
from petfinder.photos.read import PhotoLimits
from petfinder.registry.encoder_choice import ChooseEncoder
from petfinder.registry.finder import Combine
from petfinder.registry.foreign import ExistingIndex
from petfinder.registry.opened_index import MOVED
from petfinder.registry.repository import CatRepository, DogRepository, PetRepository
from petfinder.registry.service import CatService, DogService, PetService
from petfinder.registry.two_sides import Listener
from petfinder.registry.util import Indexes, Util
from petfinder.stores.base import Store
from petfinder.stores.documents import IndexSpec

ServiceT = TypeVar("ServiceT", bound=PetService[Any])
_BOUND = {"dog": "dogs", "cat": "cats"}


class Registry(Shown):
    """The pets of one name in one store: `registry.dogs`, `registry.cats`, `registry.of(Rabbit)`.

    `choose_encoder` gives the encoder of an index, from its name and what it remembers, or from None where it is new.
    With create=False a missing index raises IndexNotFound. Use it as a context manager, or close() it.
    """

    def __init__(
        self,
        store: Store,
        choose_encoder: ChooseEncoder,
        *,
        name: str = "pets",
        create: bool = True,
        limits: PhotoLimits | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        self.name = name
        self.util = Util(store)
        self._store = store
        self._choose_encoder = choose_encoder
        self._create = create
        self._limits = limits or PhotoLimits()
        check_kind(evidence, Evidence | None, "evidence is a petfinder.Evidence", refusal=ConfigError)
        self._evidence = evidence or Evidence()
        self._others: dict[type[Pet], PetService[Any]] = {}
        self._listeners: list[Listener] = []

    def __repr__(self) -> str:
        return f"<Registry {self.name!r} in {self._store.location}>"

    @cached_property
    def dogs(self) -> DogService:
        """The service for dogs; makes their index where there is none."""
        return self._opened(DogService, DogRepository, self._index(Dog), Dog)

    @cached_property
    def cats(self) -> CatService:
        """The service for cats; makes their index where there is none."""
        return self._opened(CatService, CatRepository, self._index(Cat), Cat)

    def of(self, pet_class: type[PetT]) -> PetService[PetT]:
        """Open the service for a class of pets of your own; raises InvalidPet where the class fixes no species."""
        species = species_of(pet_class)
        if pet_class is SPECIES.get(species):
            return self._service(species)
        index = self._index(pet_class)
        if pet_class not in self._others:
            self._others[pet_class] = self._opened(PetService, PetRepository, index, pet_class)
        return self._others[pet_class]

    def open_existing(
        self, index: str, pet_class: type[PetT], fields: FieldNames, *, encoder: str | Encoder
    ) -> ExistingIndex[PetT]:
        """Open an index on the same server that petfinder did not make, for search and reading.

        `fields` names its fields (pf.PUPPIES, ...), `encoder` is the one that made its vectors. Raises IndexNotFound,
        IndexMismatch, and InvalidQuery where the registry is not on a server.
        """
        return ExistingIndex(self._store, index, pet_class, fields, encoder=encoder, limits=self._limits)

    @property
    def encoder(self) -> Encoder:
        """The encoder of a new index: the one that another index remembers, if petfinder has it, else the default."""
        there = (index for index in self.specs().items() if not is_former(index[1].encoder))
        return self._choose_encoder(next(there, None))

    def specs(self) -> dict[str, IndexSpec]:
        """Tell what each index of this registry remembers of itself, by its name; nothing is counted."""
        there = {name: self._store.spec(name) for name in self._store.index_names()}
        return {name: spec for name, spec in there.items() if name == self.index_name(spec.species)}

    def indexes(self) -> Indexes:
        """List the indexes of this registry with their counts and sizes."""
        return Indexes(self.util.info(name) for name in self.specs())

    def index_name(self, species: str) -> str:
        """Give the name of the index that holds a species: `pets-dogs`."""
        return f"{self.name}-{species}s"

    def find(
        self,
        photo: AnyPhoto | Iterable[AnyPhoto],
        *,
        k: int = 5,
        where: AnyFilter | None = None,
        min_similarity: float | None = None,
        combine: Combine = "mean",
        place: AnyPlace | None = None,
        at: AnyMoment | None = None,
        about: Pet | Mapping[str, Any] | None = None,
    ) -> Matches:
        """Find the registered pets that are most probably the one in a photo over all species, with verdicts.

        Each has the verdict by its own species' lines; the probabilities of all, and of nobody, sum to 1. Arguments and
        errors as in PetFinder.find; each encoder encodes the photo once.
        """
        given: dict[str, Any] = {"k": k, "where": where, "min_similarity": min_similarity, "combine": combine}
        given |= {"place": place, "at": at, "about": about}
        encoded: dict[EncoderIdentity, Sequence[Photo]] = {}
        photo = several_photos(photo)
        answers = [_found_by(self._service(spec.species), photo, encoded, given) for spec in self.specs().values()]
        if not answers:
            return self.dogs.find(photo, **given)
        return over_species(answers, k, one_measure=len(encoded) == 1)

    def alerts(self, after: str = "") -> Iterator[Alert]:
        """Stream the new pairs of all species in order, behind the `position` of an alert: each once for who keeps it.

        Pairs that are closed or gone by now are left out. Raises InvalidQuery for what is no position.
        """
        check_kind(after, str, "after is the position of an alert, as alerts gave it")
        try:
            told = {species: int(number) for species, number in (part.rsplit(":", 1) for part in after.split())}
        except ValueError as error:
            raise InvalidQuery("after is the position of an alert, as alerts gave it; leave it out for all") from error
        for spec in self.specs().values():
            for number, pair in self._service(spec.species).alerts(told.get(spec.species, 0)):
                told[spec.species] = number
                yield Alert(" ".join(f"{species}:{last}" for species, last in sorted(told.items())), pair)

    def on_alert(self, function: Listener) -> None:
        """Have a function called with each new pair that this process writes, as soon as it is there."""
        check_kind(function, Callable, "a listener is a function that takes a Pair")
        self._listeners.append(function)

    def owner_of(self, match: Match | Pet) -> Owner | None:
        """Tell whom to call about a match or a pet: the owner, else the finder of a found or sighted pet, else None.

        Raises IndexMismatch for another registry's match.
        """
        pet = match.pet if isinstance(match, Match) else match
        if not isinstance(pet, Pet):
            raise InvalidQuery("owner_of takes a match or a Pet; registry.dogs.owner_of takes a pet_id too")
        return self._service(pet.species).owner_of(match)

    def close(self) -> None:
        """Let go of files and connections."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def only_service(self) -> PetService[Any]:
        """Give the service of the one species of which there are pets; raises InvalidQuery for several, or none."""
        filled = [info.spec.species for info in self.indexes() if info.stats.pets]
        if len(filled) != 1:
            there = ", ".join(f"{species}s" for species in filled) or "no pets"
            raise InvalidQuery(f"this registry holds {there}: name one species, registry.dogs or registry.cats")
        return self._service(filled[0])

    def _service(self, species: str) -> PetService[Any]:
        if species in _BOUND:
            bound: PetService[Any] = getattr(self, _BOUND[species])
            return bound
        return self._opened(PetService, PetRepository, self.index_name(species), SPECIES.get(species, Pet))

    def _opened(
        self,
        service_class: type[ServiceT],
        repository_class: type[PetRepository[Any]],
        index: str,
        pet_class: type[Pet],
    ) -> ServiceT:
        """A service that tells who listens, with what was left to match done; where that fails it is left again."""

        def reopen() -> tuple[PetRepository[Any], Encoder]:
            """Open the index with the encoder that it remembers at that moment."""
            repository = repository_class(self._store, index, pet_class=pet_class)
            return repository, self._choose_encoder((index, repository.spec))

        service = service_class(*reopen(), limits=self._limits, evidence=self._evidence, reopen=reopen)
        service.listeners = self._listeners
        service.finish_matching()
        return service

    def _index(self, pet_class: type[Pet]) -> str:
        index = self.index_name(species_of(pet_class))
        if not self.util.exists(index):
            if not self._create:
                raise IndexNotFound(f"there is no index {index!r} in {self._store.location}; register a pet first")
            with suppress(IndexExists):
                self.util.create_index(index, pet_class, encoder=self.encoder)
        return index


def _found_by(
    service: PetService[Any], photo: Any, encoded: dict[EncoderIdentity, Sequence[Photo]], given: dict[str, Any]
) -> Matches:
    """Find in one species; the photo is encoded once by each encoder, and `encoded` keeps what came of it."""
    pinned = service.pinned()
    identity = pinned.repository.encoder_identity
    known = encoded.get(identity)
    try:
        answer = pinned.find(photo if known is None else [*known], **given)
    except MOVED:  # rebuilt with another encoder: the service finds out which
        return service.find(photo, **given)
    encoded[identity] = answer.query
    return answer
