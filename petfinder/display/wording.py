"""What is said about matches, pets and photos, in the same words on every display."""

from __future__ import annotations

import math
import re
from datetime import datetime

from petfinder.domain.animals import several_animals
from petfinder.domain.fields import FIELDS
from petfinder.domain.matches import Match, Matches, percent
from petfinder.domain.pairs import Pair
from petfinder.domain.pets import Pet, Photo, Place, Status
from petfinder.domain.text import clean as clean
from petfinder.domain.verdicts import MATCH_ALARMS, POSSIBLE_ALARMS, Lines, Verdict

NO_PICTURE = "no picture here"


def clip(text: str, length: int) -> str:
    """The clean text, cut to this many characters with an ellipsis at the end."""
    whole = clean(text)
    return whole if len(whole) <= length else whole[: length - 1].rstrip() + "…"


def name_of(pet: Pet) -> str:
    """The pet's name; its id where it has none."""
    return clean(pet.name or "") or clean(pet.pet_id)


def photo_name(photo: Photo) -> str:
    """The file's own name, without its folders, host or query; else the start of the photo's id."""
    uri = photo.uri or ""
    path = re.split("[?#]", uri)[0] if "://" in uri else uri
    return clean(re.split(r"[\\/]", path)[-1]) or clean(photo.photo_id or "")[:12]


def which_photo(match: Match) -> str:
    """The photo that matched, and which one of the pet's photos it is: "02.jpg, photo 3 of 6"."""
    name = photo_name(match.photo)
    ids = [photo.photo_id for photo in match.pet.photos]
    if len(ids) < 2 or match.photo.photo_id not in ids:
        return name
    which = f"photo {ids.index(match.photo.photo_id) + 1} of {len(ids)}"
    return f"{name}, {which}" if name else which


def day(moment: datetime | None) -> str:
    """The date as 2026-11-21, empty where there is none."""
    return "" if moment is None else moment.date().isoformat()


def begun(text: str) -> str:
    """The text with a capital letter first, as a sentence begins."""
    return text[:1].upper() + text[1:]


def status_word(status: Status) -> str:
    """The status as it is said of a pet: lost, found, sighted, reunited, at home."""
    return "at home" if status is Status.HOME else str(status)


def status_of(pet: Pet) -> str:
    """The status, and since when: "lost since 2026-10-02"."""
    if pet.status is Status.HOME or pet.status_at is None:
        return status_word(pet.status)
    link = "since" if pet.status is Status.LOST else "on"
    return f"{pet.status} {link} {day(pet.status_at)}"


def distance_of(match: Match) -> str:
    """The distance in whole km, empty where it is not known."""
    km = match.distance_km
    return "" if km is None else f"{km:,} km" if km else "under 1 km"


def chance_of(match: Match | Pair) -> str:
    """The probability that this is the animal, in whole percent; empty where none is known."""
    return "" if match.probability is None else percent(match.probability)


def reasons_of(found: Match | Pair) -> str:
    """What speaks for and against the pet: "very alike; about 1 km from home; lost 2 days before"."""
    return "; ".join(reason.words for reason in found.reasons if reason.kind != "status")


def pair_in_words(pair: Pair) -> str:
    """Who may be whom, and why: "Luna (lost on 2026-10-02) and stray-7 (found on 2026-10-04): very alike; ..."."""
    one, other = (f"{name_of(pet)} ({status_of(pet)})" for pet in pair.pets)
    return f"{one} and {other}: {clean(reasons_of(pair))}"


def match_facts(match: Match) -> list[str]:
    """Breed, status and distance, as far as they are known."""
    away = distance_of(match)
    return list(filter(None, [match.pet.breed or "", status_of(match.pet), f"{away} away" if away else ""]))


def match_source(match: Match) -> str:
    """Which photo matched, when it was taken, and the pet's id where that is not its name already."""
    pet, taken = match.pet, day(match.photo.taken_at)
    said = [which_photo(match), f"taken {taken}" if taken else ""]
    return ", ".join(filter(None, [*said, f"id {pet.pet_id}" if name_of(pet) != clean(pet.pet_id) else ""]))


def facts_of(pet: Pet) -> dict[str, str]:
    """What is known of a pet beside its name, by label: what people filled in, and its places to about 1 km."""
    facts = {field.label.lower(): ", ".join(field.values(pet)) for field in FIELDS if field.name != "name"}
    facts["lives"] = "" if pet.indoor is None else "indoors" if pet.indoor else "outdoors too"
    facts["last seen"] = near(pet.status_place) if pet.status_place else ""
    facts["place"] = near(pet.place) if pet.place else ""
    return {label: value for label, value in facts.items() if value}


def near(place: Place) -> str:
    """A place to 0.01 degree (about 1 km): never the exact one."""
    rounded = place.rounded()
    return f"{rounded.lat:.2f}, {rounded.lon:.2f} (to about 1 km)"


def finding(matches: Matches) -> str:
    """What was found, in one honest sentence without the verdict's word and without a full stop."""
    best, verdict = matches.best, matches.verdict
    if verdict is Verdict.UNKNOWN and matches.too_few:
        return f"too few pets to judge: {counted(matches.pets_searched, 'pet')}"
    if verdict is Verdict.UNKNOWN:
        return "no registered pet is similar enough" if matches.pets_searched else "there is no pet to compare with"
    if best is None:
        return "no pet found"
    if verdict is None:
        return f"{len(matches)} {'pet' if len(matches) == 1 else 'pets'}, nearest first"
    looks, like = ("looks like", "like ") if verdict is Verdict.MATCH else ("might be", "")
    others = sum(match.verdict is verdict for match in matches) - 1
    also = f", or {like}{counted(others, 'other')} below" if others else ""
    return f"this {looks} {clip(name_of(best.pet), 30)}{also}"


def advice(matches: Matches) -> str:
    """What to do next, one sentence; empty for searches without verdict."""
    match matches.verdict:
        case Verdict.MATCH:
            return "Compare the photos, then call the owner."
        case Verdict.POSSIBLE if matches.cut and not math.isfinite(matches.cut.possible):
            return "Nobody measured what this encoder's similarities are worth, so every pet is called possible."
        case Verdict.POSSIBLE if matches.too_few:
            return "Too few pets to judge by: look closely at the photos before you call anyone."
        case Verdict.POSSIBLE:
            return "Look closely at the photos before you call anyone."
        case Verdict.UNKNOWN if matches.found:
            return "These are the nearest; none of them is close enough to be called the same animal."
        case Verdict.UNKNOWN if matches.pets_searched:
            return "No pet is near enough to show."
        case Verdict.UNKNOWN:
            return "No pet is registered here, or none passes the filter."
    return ""


def noted(matches: Matches) -> str:
    """What is odd about the query photo: another species than was searched, several animals; empty where nothing is."""
    said = "this looks like a {0}, and no {0}s were searched; registry.find (no --species) searches all there are"
    other = said.format(matches.looks_like) if matches.looks_like else ""
    return ". ".join(filter(None, [other, several_animals(matches.animals)]))


def small_print(matches: Matches, *, shown: int | None = None) -> str:
    """What was searched, what stands behind the verdicts, and how many matches come after the `shown` ones."""
    left = 0 if shown is None else len(matches) - shown
    said = [f"{left:,} more matches are not shown."] if left > 0 else []
    if matches.pets_searched:
        times = f", times {len(matches.query)} query photos," if len(matches.query) > 1 else ""
        photos = f" with {counted(matches.photos_searched, 'photo')}{times}"  # they decide about the verdicts
        pets = counted(matches.pets_searched, "pet")
        said.append(f"{pets}{photos if matches.cut and matches.photos_searched else ''} searched.")
    if matches.pending:
        said.append(f"{counted(matches.pending, 'pet')} cannot be found yet: embed_pending() embeds what waits.")
    cut = matches.cut if matches.found else None
    if matches.lines:
        said += _about_probabilities(matches, matches.lines)
    elif cut and math.isfinite(cut.match) and math.isfinite(cut.possible):
        said.append(
            f"A similarity of {cut.match:.3f} is a match: a photo of a pet that is not registered gets there "
            f"in at most {MATCH_ALARMS:.0%} of searches. {cut.possible:.3f} is possible: at most {POSSIBLE_ALARMS:.0%}."
        )
        if cut.extrapolated:
            said.append("Nothing was measured at this number of photos: the limits are extrapolated.")
    source = clean(matches.thresholds_source)
    if cut and source:
        said.append(f"Thresholds: {source.rstrip('.')}.")
    return " ".join(said)


def _about_probabilities(matches: Matches, lines: Lines) -> list[str]:
    said = []
    if matches.found:
        stranger = "an animal that is not registered gets there by its photo in at most"
        said += [f"From {lines.match:.0%} on it is a match: {stranger} {MATCH_ALARMS:.0%} of searches."]
        said += [f"From {lines.possible:.0%} on it is possible: at most {POSSIBLE_ALARMS:.0%}."]
    if matches.evidence and matches.nobody is not None:
        said += [f"Assumed: {matches.evidence.registered:.0%} of those that are looked for are registered."]
        said += [f"That this is none of the pets here: {matches.nobody:.0%}."]
    return said


def counted(number: int, thing: str) -> str:
    """A number of things: "1 pet", "1,204 pets"."""
    return f"{number:,} {thing if number == 1 else f'{thing}s'}"
