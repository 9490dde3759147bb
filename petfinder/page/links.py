"""Addresses of pets and photos: opaque, for pet_ids hold names and paths, and the same from one day to the next."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from petfinder.domain.errors import PetNotFound
from petfinder.domain.pets import SPECIES, Pet, Photo
from petfinder.registry.registry import Registry
from petfinder.stores.documents import Record

_RECORD, _BITS = "page", 256


class Links:
    """Seals what an address names, and opens it again (AES-SIV, RFC 5297: the same text gives the same address)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    def sealed(self, *named: Any, use: str) -> str:
        """Give names, as JSON can say them, a form that fits into an address, tells nothing, and has one use."""
        sealed = self._cipher.encrypt(json.dumps(named, ensure_ascii=False).encode(), [use.encode()])
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def opened(self, sealed: str, use: str) -> list[Any]:
        """Give back what was sealed; raises PetNotFound for what was not sealed here for this use."""
        try:
            whole = base64.urlsafe_b64decode(sealed.encode() + b"=" * (-len(sealed) % 4))
            named: list[Any] = json.loads(self._cipher.decrypt(whole, [use.encode()]))
        except (InvalidTag, ValueError) as error:
            raise PetNotFound("this address leads to no pet") from error
        return named

    def pet(self, pet: Pet) -> str:
        """The address of a pet's page."""
        return f"/pets/{self.sealed(pet.species, pet.pet_id, use='pet')}"

    def photo(self, pet: Pet, photo: Photo, *, small: bool = False) -> str:
        """The address of a photo's thumbnail, or of one of a tile's size."""
        sealed = self.sealed(pet.species, pet.pet_id, photo.photo_id, use="photo")
        return f"/photos/{'small/' if small else ''}{sealed}.jpg"

    def card(self, pet: Pet) -> str:
        """The address of the picture that messengers show of a pet."""
        return f"/cards/{self.sealed(pet.species, pet.pet_id, use='pet')}.jpg"


def key_of(registry: Registry) -> bytes:
    """Give the secret of the page, kept in the registry so that addresses last; made where there is none yet.

    A registry without any index gets one for dogs first.
    """
    kinds = [one.species for one in registry.specs().values() if one.species in SPECIES] or ["dog"]
    repositories = [registry.of(SPECIES[kind]).repository for kind in kinds]
    for repository in repositories:
        [kept] = repository.store.records(repository.index, [_RECORD])
        if kept is not None:
            return base64.b64decode(kept.body["key"])
    store, index, new = repositories[0].store, repositories[0].index, AESSIV.generate_key(_BITS)
    store.put_record(index, Record(_RECORD, {"key": base64.b64encode(new).decode()}))
    [kept] = store.records(index, [_RECORD])  # that of whoever was first
    return base64.b64decode(kept.body["key"]) if kept else new
