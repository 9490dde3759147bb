"""An index that petfinder did not make, open for search and reading, and its pets on their way into a registry."""

from __future__ import annotations

from collections.abc import Iterator

from petfinder.domain.errors import InvalidPet, InvalidQuery
from petfinder.domain.field_names import FieldNames
from petfinder.domain.filters import Restriction
from petfinder.domain.pets import PetT, species_of
from petfinder.domain.reports import Failure
from petfinder.encoders.base import Encoder, identity_of
from petfinder.photos.read import PhotoLimits
from petfinder.registry.documents import to_pet
from petfinder.registry.encoder_choice import as_encoder
from petfinder.registry.finder import PetFinder
from petfinder.registry.repository import PetRepository
from petfinder.stores.base import OpensForeign, Store
from petfinder.stores.documents import IndexSpec


class ExistingIndex(PetFinder[PetT]):
    """The pets of an index that petfinder did not make: everything a PetFinder answers, and nothing that changes them.

    `fields` says where the index keeps what; `encoder` made its vectors. Each document is a photo, and those that share
    a pet id are one pet. A filter on what has no field there raises InvalidQuery, and so does `search_text`. A pet
    passes by one photo that passes whole. Similarities are the raw cosine, whatever metric the index has. Raises
    IndexNotFound; IndexMismatch for fields or dims that are others; InvalidQuery where the store is no server.
    """

    def __init__(
        self,
        store: Store,
        index: str,
        pet_class: type[PetT],
        fields: FieldNames,
        *,
        encoder: str | Encoder,
        limits: PhotoLimits | None = None,
    ) -> None:
        if not isinstance(store, OpensForeign):
            raise InvalidQuery(f"{store.location} holds petfinder's own indexes only; others are on a server")
        if not isinstance(fields, FieldNames):
            raise InvalidQuery("fields is a petfinder.FieldNames, such as petfinder.PUPPIES")
        encoder = as_encoder(encoder)
        identity = identity_of(encoder)
        spec = IndexSpec(species_of(pet_class), identity.name, identity.dims, identity.fingerprint)
        self._store = store.foreign(index, fields, spec)
        self._gives_photo_ids = fields.photo_id is not None
        repository = PetRepository[PetT](self._store, index, pet_class=pet_class)
        repository.all_of_today = True
        super().__init__(repository, encoder, limits=limits)

    def _count_pending(self) -> int:
        return 0  # nothing there says which photos lack a vector

    def pets(self) -> Iterator[PetT | Failure]:
        """Stream all pets, whole, with embeddings, and a failure for each document that is no pet's.

        A photo is known by its document there; where no field for its id was named it is given none here, so that a
        registry knows it by its embedding and uri, and one that was indexed twice is one photo.
        """
        for document in self._store.scan(self.repository.index, Restriction(), vectors=True):
            try:
                pet = to_pet(document, self.repository.pet_class)
            except InvalidPet as error:
                yield Failure(document.id, error)
                continue
            unnamed = tuple(photo.model_copy(update={"photo_id": None}) for photo in pet.photos)
            yield pet if self._gives_photo_ids else pet.model_copy(update={"photos": unnamed})
        for stray in self._store.strays(self.repository.index):
            yield Failure(stray.id, stray.error or InvalidPet("this document is no pet's"))
