"""From photos to embeddings: photos are decoded by a pool of threads while the encoder works on those before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from PIL import Image
from pydantic import ValidationError

from petfinder.domain.animals import Animals
from petfinder.domain.errors import ConfigError, InvalidEmbedding, PetfinderError, PhotoError, UnreadablePhoto
from petfinder.domain.pets import PEOPLE, Owner, Pet, PetT, Photo
from petfinder.domain.shown import ReadThumbnails
from petfinder.domain.values import now
from petfinder.domain.vectors import Vector
from petfinder.encoders.base import Encoder, cores, encode_with_animals
from petfinder.photos.read import PhotoLimits, Picture, completed, is_bare, read_photo
from petfinder.registry.documents import distinct_photos
from petfinder.registry.encoder_choice import as_encoder
from petfinder.registry.settings import load_settings

BATCH = 32  # pictures encoded at once, the default of sentence-transformers
AHEAD = 8  # tasks for each core that are read ahead of the one that is waited for; a decoded photo takes some MB
Complete = Callable[[Photo, Picture], Photo]
T = TypeVar("T")
R = TypeVar("R")
Encoded = tuple[Vector, Animals | None]


def in_parallel(work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
    """Yield the results of `work` in the order of the tasks, computed a bounded number ahead; tasks are streamed."""
    pool = ThreadPoolExecutor(max_workers=cores(), thread_name_prefix="petfinder-decode")
    waiting: deque[Future[R]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) > AHEAD * cores():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # without waiting: what was left half read may be collected as garbage by a thread of this very pool
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, eq=False)
class ReadPhoto:
    """A photo as it was read: the entity with id, date, place and thumbnail, and the picture to encode.

    `picture` is None where the photo brought its own embedding; `error` is set where it could not be read or encoded.
    `original` is False where the picture is the thumbnail that the registry kept. `animals` are those in the picture,
    None where the encoder cannot tell, or the photo has a box.
    """

    photo: Photo
    picture: Picture | None = None
    error: PetfinderError | None = None
    original: bool = True
    animals: Animals | None = None


def read_one(photo: Photo, *, limits: PhotoLimits, complete: Complete = completed) -> ReadPhoto:
    """Read one photo, its error kept beside it; a photo with an embedding of its own is taken as it is."""
    if photo.embedding is not None:
        return _with_clean_thumbnail(photo)
    try:
        picture = read_photo(photo, limits=limits)
    except PhotoError as error:
        return ReadPhoto(photo, error=error)
    return ReadPhoto(complete(photo, picture), picture)


def _with_clean_thumbnail(photo: Photo) -> ReadPhoto:
    """Take a photo that brings its embedding; a thumbnail with metadata is made anew."""
    thumbnail = vars(photo).get("thumbnail")  # one that a query has not made yet will have none
    if thumbnail is None or is_bare(thumbnail):
        return ReadPhoto(photo)
    try:
        return ReadPhoto(photo.model_copy(update={"thumbnail": read_photo(thumbnail).thumbnail}))
    except PhotoError as error:
        return ReadPhoto(photo, error=error)


@dataclass(eq=False)
class Reading(Generic[T]):
    """One subject (a pet, a query) with its photos as they were read."""

    subject: T
    photos: list[ReadPhoto] = field(default_factory=list)
    picture_errors: dict[str, PhotoError] = field(default_factory=dict)  # of "owner" and "finder"


def embedded(readings: Iterable[Reading[T]], encoder: Encoder) -> Iterator[Reading[T]]:
    """Yield the same readings in order, every picture encoded, in batches over several of them, and let go of."""
    batch: list[Reading[T]] = []
    size = 0
    for reading in readings:
        batch.append(reading)
        size += sum(read.picture is not None for read in reading.photos)
        if size >= BATCH or len(batch) >= 8 * BATCH:
            yield from _encoded(batch, encoder)
            batch, size = [], 0
    yield from _encoded(batch, encoder)


def _encoded(batch: Sequence[Reading[T]], encoder: Encoder) -> Iterator[Reading[T]]:
    pictures = [read.picture.image for reading in batch for read in reading.photos if read.picture is not None]
    rows = iter(_vectors(pictures, encoder))
    for reading in batch:
        reading.photos = [read if read.picture is None else _with_row(read, next(rows)) for read in reading.photos]
        yield reading


def _with_row(read: ReadPhoto, row: Encoded | InvalidEmbedding) -> ReadPhoto:
    if isinstance(row, InvalidEmbedding):
        return replace(read, picture=None, error=row)
    photo = read.photo.model_copy(update={"embedding": row[0]})
    return replace(read, picture=None, photo=photo, animals=None if photo.box else row[1])


def _vectors(pictures: Sequence[Image.Image], encoder: Encoder) -> Sequence[Encoded | InvalidEmbedding]:
    """Encode a batch; where one picture spoils it, encode one by one, so that only that picture fails."""
    if not pictures:
        return []
    try:
        return [*zip(*encode_with_animals(encoder, pictures), strict=True)]
    except InvalidEmbedding as error:
        if len(pictures) == 1:
            return [error]
        return [row for picture in pictures for row in _vectors([picture], encoder)]


def _identified(photo: Photo, picture: Picture) -> Photo:
    return photo.model_copy(update={"photo_id": picture.photo_id})


def read_again(pet_id: str, photo: Photo, thumbnails: ReadThumbnails, *, limits: PhotoLimits) -> ReadPhoto:
    """Read a registered photo from its original where that is there and still the same, else from its thumbnail.

    One that has its embedding is not read. A thumbnail is made only of one that has no id yet.
    """
    if photo.embedding is not None:
        return ReadPhoto(photo)
    complete = _identified if photo.photo_id else completed
    original = read_one(photo, limits=limits, complete=complete) if photo.uri else None
    if original is not None and not original.error and photo.photo_id in (None, original.photo.photo_id):
        return original
    [kept] = thumbnails([(pet_id, photo.photo_id or "")])
    if kept is None:
        missing = UnreadablePhoto(f"neither the original nor a thumbnail of {photo.uri or photo.photo_id} is there")
        return ReadPhoto(photo, error=missing)
    smaller = read_one(Photo(source=kept, box=photo.box), limits=limits, complete=_identified)
    return ReadPhoto(photo, picture=smaller.picture, error=smaller.error, original=False)


def as_photo(photo: Any) -> Photo:
    """Make a Photo of a path, bytes, a file object, a PIL image or a Photo; raises UnreadablePhoto."""
    try:
        return Photo.model_validate(photo)
    except ValidationError as error:
        raise UnreadablePhoto("this is no photo: give a path, bytes, a file object or a PIL image") from error


def embed_photos(
    photos: Sequence[Any], encoder: Encoder, *, limits: PhotoLimits, complete: Complete = completed
) -> list[ReadPhoto]:
    """Read and encode photos, and see the animals in them; raises the PhotoError of the first unreadable one."""

    def read_checked(photo: Any) -> ReadPhoto:
        return _checked(read_one(as_photo(photo), limits=limits, complete=complete))

    read = in_parallel(read_checked, photos) if len(photos) > 1 else map(read_checked, photos)
    done = embedded((Reading(None, [one]) for one in read), encoder)
    return [_checked(one) for reading in done for one in reading.photos]


def _checked(read: ReadPhoto) -> ReadPhoto:
    if read.error:
        raise read.error
    return read


def animals_in(photo: Any, encoder: str | Encoder | None = None) -> Animals:
    """Box the animals in a photo, largest first: `pf.Photo("two.jpg", box=pf.animals_in("two.jpg")[1])` is the second.

    The boxes are of the whole picture, whatever box a Photo has. `encoder`: the one that is set, else the built-in one.
    Animals that touch are one box. Raises PhotoError, EncoderError, and ConfigError for an encoder that cannot tell.
    """
    settings = load_settings()
    chosen = as_encoder(encoder)
    whole = as_photo(photo).model_copy(update={"box": None, "embedding": None})
    animals = embed_photos([whole], chosen, limits=settings.photo_limits)[0].animals
    if animals is None:
        raise ConfigError(
            f"the encoder {chosen.name!r} does not say where animals are; the built-in one, pocket-3, does"
        )
    return animals


def people_with_pictures(pet: Pet, *, limits: PhotoLimits) -> dict[str, Owner | None]:
    """Give owner and finder with their pictures read, as fields of the pet; raises PhotoError."""
    return {who: _with_picture(getattr(pet, who), limits=limits) for who in PEOPLE}


def _with_picture(owner: Owner | None, *, limits: PhotoLimits) -> Owner | None:
    """Read a person's picture to an EXIF-free thumbnail, and drop its place and date; raises PhotoError."""
    if owner is None or owner.picture is None:
        return owner
    picture = owner.picture
    if picture.thumbnail is None or not is_bare(picture.thumbnail):
        bare = picture.model_copy(update={"thumbnail": None, "embedding": None})
        picture = _checked(read_one(bare, limits=limits)).photo
    return owner.model_copy(update={"picture": picture.model_copy(update={"place": None, "taken_at": None})})


def read_pet(pet: PetT, *, limits: PhotoLimits) -> Reading[PetT]:
    """Read all photos of a pet, and its people's pictures; errors are kept in the reading."""
    reading = Reading(pet, [read_one(photo, limits=limits) for photo in pet.photos])
    known: dict[str, Any] = {"registered_at": pet.registered_at or now()}
    for who in PEOPLE:
        person = getattr(pet, who)
        try:
            known[who] = _with_picture(person, limits=limits)
        except PhotoError as error:
            known[who] = person.model_copy(update={"picture": None})
            reading.picture_errors[who] = error
    reading.subject = pet.model_copy(update=known)
    return reading


def finished(reading: Reading[PetT]) -> PetT:
    """Give the pet the photos that could be read, each once."""
    photos = distinct_photos(tuple(read.photo for read in reading.photos if not read.error))
    return reading.subject.model_copy(update={"photos": photos})
