"""The verbs that read what is registered: list, owner, info.

Only `owner` shows contact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from petfinder.cli.app import app
from petfinder.cli.exit_codes import NOTHING_FOUND
from petfinder.cli.options import (
    CLASSES,
    JsonOption,
    RegistryOption,
    Species,
    SpeciesOption,
    filter_of,
    lat_lon,
    moment,
    open_registry,
    with_options,
)
from petfinder.cli.output import asked, note, say, told
from petfinder.display import wording
from petfinder.display.data import index_as_data, pet_as_data
from petfinder.display.text import owner_as_text
from petfinder.domain.errors import ConfigError, IndexNotFound, InvalidPet
from petfinder.domain.filters import PetFilter
from petfinder.domain.pets import CONTACT, Owner, Pet, Status
from petfinder.registry.documents import distinct_photos
from petfinder.registry.embed import embed_photos, now
from petfinder.registry.opened_index import outliving_rebuilds
from petfinder.registry.service import PetService


@app.command("list")
@told
@with_options(where=filter_of)
def list_(
    where: PetFilter,
    with_words: Annotated[
        str | None,
        typer.Option(
            "--words", metavar="TEXT", help="Only pets with all these words in name, breed, colour, tags or note."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="NUMBER", help="How many at most.")] = 50,
    after: Annotated[str | None, typer.Option("--after", metavar="PET_ID", help="Go on behind this pet.")] = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """List the registered pets by id.

    Example: petfinder list --status lost --limit 20 --after luigi

    Example: petfinder list --words "white paw"

    Exits with 1 if there are none.
    """
    with open_registry(registry, None, create=False) as opened:
        service = opened.of(CLASSES[species])
        if with_words is None:
            pets = [*service.list(where, after=after, limit=limit + 1)]
        else:
            pets = [pet for pet in service.search_text(with_words, where) if after is None or pet.pet_id > after]
    more, pets = len(pets) > limit, pets[:limit]
    say([pet_as_data(pet) for pet in pets] if as_json else "\n".join(map(line_of, pets)) or "No pets.")
    if more:
        note(f"there are more: --after {pets[-1].pet_id!r}")
    if not pets:
        raise typer.Exit(NOTHING_FOUND)


@app.command(no_args_is_help=True)
@told
def owner(
    pet_id: Annotated[str, typer.Argument(metavar="PET_ID", help="As find and list show it.")],
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """Reveal who to call about a pet.

    Example: petfinder owner luigi --registry pets.db

    Exits with 1 if no owner is known.
    """
    with open_registry(registry, None, create=False) as opened:
        found = opened.of(CLASSES[species]).owner_of(pet_id)
    shown = found.model_dump(mode="json", context=CONTACT, exclude_none=True) if found else None
    if as_json:
        say({"pet_id": pet_id, "owner": shown})
    else:
        say(owner_as_text(found) if found else "No owner is registered with this pet.")
    if not found:
        raise typer.Exit(NOTHING_FOUND)


@app.command()
@told
def info(
    registry: RegistryOption = None,
    species: Annotated[Species | None, typer.Option("--species", help="Only this species.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a registry holds: pets, photos, encoder, size.

    Example: petfinder info --registry pets.db
    """
    with open_registry(registry, None, create=False) as opened:
        indexes = [index for index in opened.indexes() if species is None or index.spec.species == species]
        if not indexes:
            raise IndexNotFound(f"{opened!r} holds no {species or 'pets'} yet; petfinder register takes them in")
    say([index_as_data(index) for index in indexes] if as_json else "\n".join(map(str, indexes)))


def line_of(pet: Pet) -> str:
    """A pet in one line: its id, name, breed, status and number of photos."""
    photos = "1 photo" if len(pet.photos) == 1 else f"{len(pet.photos)} photos"
    about = (wording.name_of(pet), wording.clean(pet.breed or ""), wording.status_of(pet), photos)
    return f"{wording.clean(pet.pet_id)}: {', '.join(filter(None, about))}"


PetIdArgument = Annotated[str, typer.Argument(metavar="PET_ID", help="As find and list show it.")]
PlaceOption = Annotated[str | None, typer.Option("--place", metavar="LAT,LON", help="Where the pet was seen.")]


@app.command(no_args_is_help=True)
@told
def status(
    pet_id: PetIdArgument,
    new: Annotated[Status, typer.Argument(metavar="STATUS", help="lost, found, home or reunited.")],
    place: PlaceOption = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="Since when, 2026-10-02; else now.")] = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """Report a pet lost, found, at home or reunited.

    Example: petfinder status luigi lost --place -23.5505,-46.6333 --at 2026-10-02T18:30

    Example: petfinder status luigi reunited --registry pets.db
    """
    changes: dict[str, Any] = {"status": new, "status_at": moment(at, option="--at") or now()}
    if place is not None:
        changes["place"] = lat_lon(place, option="--place")
    with open_registry(registry, None, create=False) as opened:
        _say_pet(opened.of(CLASSES[species]).update(pet_id, **changes), as_json=as_json)


@app.command(no_args_is_help=True)
@told
def update(
    pet_id: PetIdArgument,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT")] = None,
    breed: Annotated[str | None, typer.Option("--breed", metavar="TEXT")] = None,
    colour: Annotated[str | None, typer.Option("--colour", "--color", metavar="TEXT")] = None,
    sex: Annotated[str | None, typer.Option("--sex", metavar="TEXT")] = None,
    microchip: Annotated[str | None, typer.Option("--microchip", metavar="NUMBER", help="Chip or tattoo.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TEXT", help="In the place of all tags; several times.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT")] = None,
    place: PlaceOption = None,
    owner_name: Annotated[str | None, typer.Option("--owner-name", metavar="TEXT")] = None,
    owner_phone: Annotated[str | None, typer.Option("--owner-phone", metavar="TEXT")] = None,
    owner_email: Annotated[str | None, typer.Option("--owner-email", metavar="TEXT")] = None,
    owner_address: Annotated[str | None, typer.Option("--owner-address", metavar="TEXT")] = None,
    no_owner: Annotated[bool, typer.Option("--no-owner", help="Take the owner away, contact and all.")] = False,
    photos: Annotated[list[str] | None, typer.Option("--add-photo", metavar="PHOTO", help="Several times.")] = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    encoder: Annotated[
        str | None, typer.Option("--encoder", metavar="NAME", help="What reads --add-photo; else the registry's own.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Change what is named of a pet, owner too; all of it or nothing. What is not named stays.

    An empty text takes a value away (--note "", --place ""), --no-owner the owner.

    Example: petfinder update luigi --breed "Jack Russell" --owner-phone "+1 415 555 0142"

    Example: petfinder update luigi --add-photo garden.jpg --note ""
    """
    if encoder and not photos:
        raise ConfigError("--encoder reads what --add-photo adds; leave it out")
    given: dict[str, Any] = {"name": name, "breed": breed, "colour": colour, "sex": sex, "microchip": microchip}
    given |= {"note": note, "tags": [tag for tag in tags if tag] if tags else None}
    changes = {field: value for field, value in given.items() if value is not None}
    if place is not None:
        changes["place"] = lat_lon(place, option="--place") if place.strip() else None
    contact = {"name": owner_name, "phone": owner_phone, "email": owner_email, "address": owner_address}
    owner = {field: value for field, value in contact.items() if value is not None}
    if no_owner and owner:
        raise ConfigError("--no-owner takes the owner away; name nothing of the owner with it")
    if owner_name is not None and not owner_name.strip():
        raise InvalidPet("an owner without a name cannot be kept; --no-owner takes the owner away")
    if not (changes or owner or no_owner or photos):
        raise ConfigError("nothing to change was named; petfinder update --help shows what there is")

    def changed(pet: Pet) -> Pet:
        if owner and not pet.owner and not owner_name:
            raise InvalidPet(f"pet {pet_id!r} has no owner yet: give --owner-name too")
        if no_owner:
            return type(pet)(**(dict(pet) | changes | {"owner": None}))
        whose = {"owner": Owner(**(dict(pet.owner or ()) | owner))} if owner else {}
        return type(pet)(**(dict(pet) | changes | whose))

    with open_registry(registry, encoder, create=False) as opened:
        _say_pet(_update(opened.of(CLASSES[species]), pet_id, changed, photos or ()), as_json=as_json)


@app.command(no_args_is_help=True)
@told
def remove(
    pet_ids: Annotated[list[str], typer.Argument(metavar="PET_ID", help="The pets to erase.")],
    missing_ok: Annotated[bool, typer.Option("--missing-ok", help="Pets that are not there are no error.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """Erase pets with owner, photos and thumbnails. The original photos are left alone.

    Example: petfinder remove luigi zoe --yes --registry pets.db

    Asks first; exits with 1 if the answer is no.
    """
    with open_registry(registry, None, create=False) as opened:
        service = opened.of(CLASSES[species])
        if not yes and not _agreed(pet_ids):
            note("nothing removed")
            raise typer.Exit(NOTHING_FOUND)
        removed = service.remove(pet_ids, missing="ignore" if missing_ok else "error")
    say({"removed": list(removed)} if as_json else f"removed: {', '.join(removed) or 'none'}")


def _say_pet(pet: Pet, *, as_json: bool) -> None:
    say(pet_as_data(pet) if as_json else line_of(pet))


@outliving_rebuilds
def _update(service: PetService[Any], pet_id: str, change: Callable[[Pet], Pet], photos: Sequence[str]) -> Pet:
    """Change a pet and add photos in one write; what is refused, be it one photo, leaves the pet as it was."""
    change(service.repository.get(pet_id))
    new = embed_photos(photos, service.encoder, limits=service.limits) if photos else []

    def changed(pet: Pet) -> Pet:
        known = {photo.photo_id for photo in pet.photos}
        added = [photo for photo in new if photo.photo_id not in known]
        return change(pet).model_copy(update={"photos": distinct_photos((*pet.photos, *added))})

    kept: Pet = service.repository.update(pet_id, changed)
    return kept


def _agreed(pet_ids: list[str]) -> bool:
    named = f"{wording.counted(len(pet_ids), 'pet')} with owners and photos: {', '.join(map(wording.clean, pet_ids))}"
    return asked("erasing", f"Erase {named}? [y/N]").lower() in ("y", "yes")
