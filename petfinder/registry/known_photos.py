"""Photos that are registered already, recognised by the hash of their bytes: their embeddings are kept."""

from __future__ import annotations

from pathlib import Path

from petfinder.domain.errors import PhotoError
from petfinder.domain.pets import PEOPLE, Owner, PetT, Photo
from petfinder.photos.read import PhotoLimits, photo_id_of
from petfinder.registry.repository import PetRepository


def hash_of(photo: Photo, *, limits: PhotoLimits) -> str | None:
    """Give the photo's id, hashing its file if need be; None where it cannot be read."""
    try:
        return photo.photo_id or photo_id_of(photo, limits=limits)
    except PhotoError:
        return None


def keeping_embeddings(pet: PetT, registered: PetT, repository: PetRepository[PetT], *, limits: PhotoLimits) -> PetT:
    """Keep what is known for a pet that replaces a registered one.

    Photos that are the same keep embedding, thumbnail and what EXIF said, people's pictures keep their thumbnails.
    What is held back stays where the new pet names nothing, for no table or file brings it.
    """
    known = {photo.photo_id: photo for photo in registered.photos if photo.embedding is not None}
    same = [(photo, known.get(hash_of(photo, limits=limits))) for photo in pet.photos]
    photos = tuple(_same_photo(pet.pet_id, photo, old, repository) if old else photo for photo, old in same)
    kept = {name: getattr(pet, name) or getattr(registered, name) for name in ("registered_at", "held_back")}
    people = {who: _keeping_picture(getattr(pet, who), getattr(registered, who)) for who in PEOPLE}
    return pet.model_copy(update={"photos": photos, **people, **kept})


def _keeping_picture(owner: Owner | None, registered: Owner | None) -> Owner | None:
    known, picture = registered and registered.picture, owner and owner.picture
    if owner and picture and known and picture.photo_id and picture.photo_id == known.photo_id:
        return owner.model_copy(update={"picture": known})
    return owner


def _same_photo(pet_id: str, photo: Photo, registered: Photo, repository: PetRepository[PetT]) -> Photo:
    thumbnail = repository.thumbnails([(pet_id, registered.photo_id or "")])[0]
    kept = {"uri": photo.uri or registered.uri, "thumbnail": thumbnail}
    own = {name: getattr(photo, name) for name in ("taken_at", "place") if getattr(photo, name) is not None}
    return registered.model_copy(update=kept | own)


def gone(photo: Photo, *, relative: bool) -> bool:
    """Tell whether the original is no longer there; for relative paths only where the caller uses such paths too."""
    if photo.uri is None or "://" in photo.uri or (not Path(photo.uri).is_absolute() and not relative):
        return False
    return not Path(photo.uri).exists()
