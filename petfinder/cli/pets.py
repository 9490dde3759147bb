"""The verbs for single pets: list, owner (which alone shows contact), info, status, update, remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.exit_codes import NOTHING_FOUND
from petfinder.cli.options import (
    AtOption,
    PetIdArgument,
    PetOptions,
    PlaceOption,
    RegistryOptions,
    Species,
    filter_of,
    lat_lon,
    with_field_options,
)
from petfinder.cli.output import ask, note
from petfinder.display import wording
from petfinder.display.data import index_as_data, pet_as_data
from petfinder.display.text import owner_as_text
from petfinder.domain.errors import ConfigError, IndexNotFound, InvalidPet
from petfinder.domain.fields import FIELDS
from petfinder.domain.filters import PetFilter
from petfinder.domain.matches import Pets
from petfinder.domain.pets import CONTACT, Owner, Pet, Status
from petfinder.domain.values import now


@verb("list", bare=True, where=filter_of, options=PetOptions)
def list_(
    where: PetFilter,
    with_words: Annotated[
        str | None, Option("--words", metavar="TEXT", help="Only pets with all these words, in name, breed, note ...")
    ] = None,
    limit: Annotated[int, Option("--limit", min=1, metavar="NUMBER", help="How many at most.")] = 50,
    after: Annotated[str | None, Option("--after", metavar="PET_ID", help="Go on behind this pet.")] = None,
    *,
    options: PetOptions,
) -> None:
    """List the registered pets by id.

    Example: petfinder list --status lost --limit 20 --after luigi

    Example: petfinder list --words "white paw"

    Exits with 1 if there are none.
    """
    with options.pets() as service:
        if with_words is None:
            pets = [*service.list(where, after=after, limit=limit + 1)]
        else:
            pets = [pet for pet in service.search_text(with_words, where) if after is None or pet.pet_id > after]
    more, pets = len(pets) > limit, pets[:limit]
    options.say([*map(pet_as_data, pets)], Pets(pets), nothing=not pets)
    if more:
        note(f"there are more: --after {pets[-1].pet_id!r}")


@verb(options=PetOptions)
def owner(pet_id: PetIdArgument, options: PetOptions) -> None:
    """Reveal who to call about a pet.

    Example: petfinder owner luigi --registry pets.db

    Exits with 1 if no owner is known.
    """
    with options.pets() as service:
        found = service.owner_of(pet_id)
    shown = found.model_dump(mode="json", context=CONTACT, exclude_none=True) if found else None
    text = owner_as_text(found) if found else "No owner is registered with this pet."
    options.say({"pet_id": pet_id, "owner": shown}, text, nothing=not found)


@verb(bare=True, options=RegistryOptions)
def info(
    species: Annotated[Species | None, Option("--species", help="Only this species.")] = None,
    *,
    options: RegistryOptions,
) -> None:
    """Say what a registry holds: pets, photos, encoder, size.

    Example: petfinder info --registry pets.db
    """
    with options.open() as opened:
        indexes = [index for index in opened.indexes() if species is None or index.spec.species == species]
        if not indexes:
            raise IndexNotFound(f"{opened!r} holds no {species or 'pets'} yet; petfinder register takes them in")
    options.say([*map(index_as_data, indexes)], "\n".join(map(str, indexes)))


@verb(options=PetOptions)
def status(
    pet_id: PetIdArgument,
    new: Annotated[Status, Argument(metavar="STATUS", help="lost, found, sighted, home or reunited.")],
    place: PlaceOption = None,
    at: AtOption = None,
    *,
    options: PetOptions,
) -> None:
    """Report a pet lost, found, sighted, at home or reunited.

    Example: petfinder status luigi lost --place -23.5505,-46.6333 --at 2026-10-02T18:30

    Example: petfinder status luigi reunited --registry pets.db
    """
    with options.pets() as service:
        pet = service.update(pet_id, status=new, status_at=at or now(), status_place=place)
    options.say(pet_as_data(pet), line_of(pet))


@with_field_options(
    FIELDS,
    lambda field: (field.several, f"{field.label}{', all of them; several times' if field.several else ''}."),
)
def changes_of(
    *,
    place: Annotated[str | None, Option("--place", metavar="LAT,LON", help="Where the pet lives.")] = None,
    **fields: str | list[str] | None,
) -> dict[str, Any]:
    """What is to be changed of a pet, by field; an empty text takes a value away."""
    changes: dict[str, Any] = {name: value for name, value in fields.items() if value not in (None, [])}
    if place is not None:
        changes["place"] = lat_lon(place) if place.strip() else None
    return changes


def owner_changes_of(
    owner_name: Annotated[str | None, Option("--owner-name", metavar="TEXT")] = None,
    owner_phone: Annotated[str | None, Option("--owner-phone", metavar="TEXT")] = None,
    owner_email: Annotated[str | None, Option("--owner-email", metavar="TEXT")] = None,
    owner_address: Annotated[str | None, Option("--owner-address", metavar="TEXT")] = None,
) -> dict[str, str]:
    """What is to be changed of an owner, by field; raises InvalidPet for an empty name."""
    if owner_name is not None and not owner_name.strip():
        raise InvalidPet("an owner without a name cannot be kept; --no-owner takes the owner away")
    contact = {"name": owner_name, "phone": owner_phone, "email": owner_email, "address": owner_address}
    return {field: value for field, value in contact.items() if value is not None}


def new_owner(contact: dict[str, str]) -> Owner:
    """The owner that these options describe; raises InvalidPet without a name."""
    if "name" not in contact:
        raise InvalidPet("this pet has no owner yet: give --owner-name too")
    return Owner(**contact)


@verb(changes=changes_of, contact=owner_changes_of, options=PetOptions)
def update(
    pet_id: PetIdArgument,
    changes: dict[str, Any],
    contact: dict[str, str],
    no_owner: Annotated[bool, Option("--no-owner", help="Take the owner away, contact and all.")] = False,
    photos: Annotated[list[str] | None, Option("--add-photo", metavar="PHOTO", help="Several times.")] = None,
    encoder: Annotated[
        str | None, Option("--encoder", metavar="NAME", help="What reads --add-photo; else the registry's own.")
    ] = None,
    *,
    options: PetOptions,
) -> None:
    """Change what is named of a pet, owner too; all of it or nothing. What is not named stays.

    An empty text takes a value away (--note "", --place ""), --no-owner the owner.

    Example: petfinder update luigi --breed "Jack Russell" --owner-phone "+1 415 555 0142"

    Example: petfinder update luigi --add-photo garden.jpg --note ""
    """
    if encoder and not photos:
        raise ConfigError("--encoder reads what --add-photo adds; leave it out")
    if no_owner and contact:
        raise ConfigError("--no-owner takes the owner away; name nothing of the owner with it")
    if not (changes or contact or no_owner or photos):
        raise ConfigError("nothing to change was named; petfinder update --help shows what there is")

    def changed(pet: Pet) -> Pet:
        whose = new_owner(dict(pet.owner or ()) | contact) if contact else None if no_owner else pet.owner
        return type(pet)(**(dict(pet) | changes | {"owner": whose}))

    with options.pets(encoder) as service:
        pet = service.change(pet_id, changed, photos=photos or ())
    options.say(pet_as_data(pet), line_of(pet))


@verb(options=PetOptions)
def remove(
    pet_ids: Annotated[list[str], Argument(metavar="PET_ID", help="The pets to erase.")],
    missing_ok: Annotated[bool, Option("--missing-ok", help="Pets that are not there are no error.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
    *,
    options: PetOptions,
) -> None:
    """Erase pets with owner, photos and thumbnails. The original photos are left alone.

    Example: petfinder remove luigi zoe --yes --registry pets.db

    Asks first; exits with 1 if the answer is no.
    """
    with options.pets() as service:
        number, ids = wording.counted(len(pet_ids), "pet"), ", ".join(map(wording.clean, pet_ids))
        question = f"Erase {number} with owners and photos: {ids}? [y/N]"
        if not yes and ask("erasing", question).lower() not in ("y", "yes"):
            note("nothing removed")
            raise typer.Exit(NOTHING_FOUND)
        removed = service.remove(pet_ids, missing="ignore" if missing_ok else "error")
    options.say({"removed": list(removed)}, f"removed: {', '.join(removed) or 'none'}")


def line_of(pet: Pet) -> str:
    """A pet in one line: its id, name, breed, status and number of photos."""
    photos = wording.counted(len(pet.photos), "photo")
    about = (wording.name_of(pet), wording.clean(pet.breed or ""), wording.status_of(pet), photos)
    return f"{wording.clean(pet.pet_id)}: {', '.join(filter(None, about))}"
