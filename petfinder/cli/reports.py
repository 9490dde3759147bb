"""The verbs of lost and found: report, counterparts, pairs, confirm, dismiss, undo, stale, renew."""

from __future__ import annotations

from typing import Annotated, Literal

from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.options import AtOption, EncoderOption, PetIdArgument, PetOptions, PlaceOption
from petfinder.cli.output import note
from petfinder.cli.pets import line_of
from petfinder.display import wording
from petfinder.display.data import matches_as_data, pair_as_data, pet_as_data
from petfinder.domain.errors import ConfigError, InvalidQuery
from petfinder.domain.pets import Owner, species_of

Kind = Literal["lost", "found", "sighted"]
OtherArgument = Annotated[str, Argument(metavar="OTHER_ID", help="The other report of the pair.")]


@verb(options=PetOptions)
def report(
    kind: Annotated[Kind, Argument(metavar="KIND", help="lost, found or sighted.")],
    pet_id: PetIdArgument,
    photos: Annotated[list[str] | None, Argument(metavar="PHOTO", help="Of a pet that is not registered.")] = None,
    place: PlaceOption = None,
    at: AtOption = None,
    finder: Annotated[str | None, Option("--finder", metavar="NAME", help="Who found or saw it; never shown.")] = None,
    phone: Annotated[str | None, Option("--finder-phone", metavar="NUMBER")] = None,
    email: Annotated[str | None, Option("--finder-email", metavar="ADDRESS")] = None,
    encoder: EncoderOption = None,
    *,
    options: PetOptions,
) -> None:
    """Report a pet lost, found or sighted, and show at once who may be its counterpart.

    Example: petfinder report lost luigi --place -23.5505,-46.6333 --at 2026-10-02

    Example: petfinder report found stray-7 street.jpg --place 52.51,13.41 --finder "A. Walker" --finder-phone 555-0142
    """
    if (phone or email) and not finder:
        raise ConfigError("--finder-phone and --finder-email go with --finder, the name")
    who = Owner(name=finder, phone=phone, email=email) if finder else None
    with options.pets(encoder, create=bool(photos)) as service:
        if kind != "lost" and not photos:
            raise InvalidQuery("a found or sighted pet is reported with its photos")
        new = {"pet_id": pet_id, "species": species_of(service.pet_class), "photos": photos, "finder": who}
        reported = {"lost": service.report_lost, "found": service.report_found, "sighted": service.report_sighting}
        pet = reported[kind](service.pet_class(**new) if photos else pet_id, place=place, at=at)
        matches = service.counterparts(pet.pet_id) if any(photo.embedding is not None for photo in pet.photos) else None
    shown = {"pet": pet_as_data(pet), "counterparts": matches_as_data(matches) if matches is not None else None}
    options.say(shown, f"{line_of(pet)}\n\n{matches!r}" if matches else line_of(pet))


@verb(options=PetOptions)
def counterparts(
    pet_id: PetIdArgument,
    k: Annotated[int, Option("--k", "-k", min=1, metavar="NUMBER", help="How many to show.")] = 5,
    *,
    options: PetOptions,
) -> None:
    """Show which reports of the other side may be the same animal.

    Example: petfinder counterparts luigi --registry pets.db

    Exits with 1 if there are none.
    """
    with options.pets() as service:
        matches = service.counterparts(pet_id, k=k)
    options.say(matches_as_data(matches), matches, nothing=not matches)


@verb(bare=True, options=PetOptions)
def pairs(
    least: Annotated[
        float, Option("--min-probability", min=0, max=1, metavar="NUMBER", help="Only pairs from here on, 0 to 1.")
    ] = 0.0,
    limit: Annotated[int, Option("--limit", min=1, metavar="NUMBER", help="How many at most.")] = 50,
    after: Annotated[str, Option("--after", metavar="PAIR_ID", help="Go on behind this pair.")] = "",
    *,
    options: PetOptions,
) -> None:
    """List the pairs of reports that wait for somebody to confirm or dismiss them.

    Example: petfinder pairs --min-probability 0.5 --registry pets.db

    Exits with 1 if there are none.
    """
    with options.pets() as service:
        found = service.open_pairs(least, after=after, limit=limit + 1)
    more, shown = len(found) > limit, found[:limit]
    lines = [f"{wording.chance_of(pair):>8}  {wording.pair_in_words(pair)}" for pair in shown]
    options.say([*map(pair_as_data, shown)], "\n".join(lines) or "No pair is open.", nothing=not shown)
    if more:
        note(f"there are more: --after {shown[-1].pair_id}")


@verb(options=PetOptions)
def confirm(pet_id: PetIdArgument, other: OtherArgument, options: PetOptions) -> None:
    """Say that two reports are one animal: lost and found are reunited, two of one side become one.

    Example: petfinder confirm luigi stray-7 --registry pets.db
    """
    with options.pets() as service:
        kept = service.confirm(pet_id, other)
    options.say(pet_as_data(kept), line_of(kept))


@verb(options=PetOptions)
def dismiss(pet_id: PetIdArgument, other: OtherArgument, options: PetOptions) -> None:
    """Say that two reports are not one animal; they are never proposed again.

    Example: petfinder dismiss luigi stray-8 --registry pets.db
    """
    with options.pets() as service:
        service.dismiss(pet_id, other)
    options.say({"dismissed": [pet_id, other]}, f"dismissed: {pet_id}, {other}")


@verb(options=PetOptions)
def undo(pet_id: PetIdArgument, other: OtherArgument, options: PetOptions) -> None:
    """Take back what was said last of two reports.

    Example: petfinder undo luigi stray-7 --registry pets.db
    """
    with options.pets() as service:
        service.undo(pet_id, other)
    options.say({"undone": [pet_id, other]}, f"open again: {pet_id}, {other}")


@verb(bare=True, options=PetOptions)
def stale(options: PetOptions) -> None:
    """List the reports that are past their days: are they still so?

    Example: petfinder stale --registry pets.db

    Exits with 1 if there are none.
    """
    with options.pets() as service:
        found = service.stale()
    options.say([*map(pet_as_data, found)], "\n".join(map(line_of, found)) or "No report is stale.", nothing=not found)


@verb(options=PetOptions)
def renew(pet_id: PetIdArgument, options: PetOptions) -> None:
    """Say that a report is still so.

    Example: petfinder renew luigi --registry pets.db
    """
    with options.pets() as service:
        pet = service.renew(pet_id)
    options.say(pet_as_data(pet), line_of(pet))
