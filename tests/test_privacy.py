"""Contact comes out by one call only: a planted phone number and a planted exact position are looked for everywhere."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import petfinder as pf
from petfinder.domain import errors
from petfinder.domain.pets import PEOPLE
from petfinder.tables import writers
from tests.conftest import TableEncoder
from tests.display.conftest import ADDRESS, EMAIL, PHONE
from tests.test_service import BLUE, GREEN, NEARLY_RED, RED, picture, sure

LAT, LON = 38.712345, -9.143217
SECRETS = (PHONE, EMAIL, ADDRESS)
HELD_BACK = "webbed toes"
POSITION = ("38.7123", "9.1432", "38.71234", "9.14321")


def jpeg_with_position(colour: tuple[int, int, int]) -> bytes:
    """A JPEG whose EXIF holds the planted position."""
    exif = Image.Exif()
    exif[0x010E] = "planted EXIF description"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (38.0, 42.0, 44.442)
    gps[3], gps[4] = "W", (9.0, 8.0, 35.5812)
    out = io.BytesIO()
    picture(colour).save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


@pytest.fixture(params=PEOPLE)
def who(request: pytest.FixtureRequest) -> str:
    """Whose contact is planted."""
    return str(request.param)


def planted(pet_id: str, colour: tuple[int, int, int], who: str) -> pf.Dog:
    person = pf.Owner(name="Ully", phone=PHONE, email=EMAIL, address=ADDRESS)
    places: dict[str, Any] = {"place": (LAT, LON), "status_place": (LAT, LON), "status": "found"}
    private: dict[str, Any] = {who: person, "held_back": HELD_BACK, "microchip": "9"}
    return pf.Dog(pet_id=pet_id, name=pet_id, photos=[jpeg_with_position(colour)], **places, **private)


@pytest.fixture
def stocked(registry: pf.Registry, who: str) -> pf.Registry:
    registry.dogs.register(planted("luigi", RED, who))
    registry.dogs.register(planted("bella", BLUE, who))
    return registry


def every_form(value: Any) -> Iterator[str]:
    yield repr(value)
    yield str(value)
    yield f"{value}"
    if isinstance(value, pf.Pet):
        yield value.model_dump_json()
        yield json.dumps(value.model_dump(mode="json"))
    for display in ("_repr_html_", "_repr_markdown_", "_repr_mimebundle_", "to_json", "to_table"):
        if hasattr(value, display):
            yield str(getattr(value, display)())


def answers(registry: pf.Registry) -> Iterator[Any]:
    dogs = registry.dogs
    yield dogs.find(picture(NEARLY_RED))
    here = pf.PetFilter(near=(LAT, LON), within_km=5)
    yield dogs.find([picture(NEARLY_RED), picture(RED)], combine="best", where=here)
    yield from dogs.find_many([picture(RED), picture(BLUE)])
    yield dogs.find_similar("luigi")
    yield dogs.find_by_embedding(dogs.embeddings().matrix[0])
    yield dogs.find_by_microchip("9")
    yield from dogs.search_text("luigi")
    yield registry.find(picture(RED))
    yield dogs.find(jpeg_with_position(NEARLY_RED))  # the query shows no position beside its matches
    yield from dogs.duplicates(0.5)


def assert_absent(text: str, needles: tuple[str, ...]) -> None:
    assert [needle for needle in needles if needle in text] == []


def test_no_search_answer_holds_contact_or_an_exact_position_and_no_thumbnail_exif(stocked: pf.Registry) -> None:
    for answer in answers(stocked):
        for form in every_form(answer):
            assert_absent(form, (*SECRETS, *POSITION, "Ully", HELD_BACK))
        for match in answer if isinstance(answer, pf.Matches) else ():
            assert (match.pet.owner, match.pet.finder, match.pet.held_back) == (None, None, None)
            assert match.pet.place == match.pet.status_place == pf.Place(lat=38.71, lon=-9.14)
            assert all(photo.place in (None, match.pet.place) for photo in match.pet.photos)
    thumbnail = stocked.dogs.find(picture(RED))[0].photo.thumbnail or b""
    assert (thumbnail[:2], b"Exif" in thumbnail, b"planted EXIF" in thumbnail) == (b"\xff\xd8", False, False)
    assert not dict(Image.open(io.BytesIO(thumbnail)).getexif())
    assert not stocked.dogs.search_text("webbed")


def test_only_owner_of_the_whole_pet_and_an_export_reveal_contact_when_asked(
    stocked: pf.Registry, who: str, tmp_path: Path
) -> None:
    whole, pets = stocked.dogs.get("luigi"), stocked.dogs.list()
    revealed = sure(stocked.owner_of(stocked.dogs.find(picture(NEARLY_RED))[0]))
    writers.write_csv(pets, tmp_path / "pets.csv")
    writers.write_json(pets, tmp_path / "pets.json")
    writers.write_csv(pets, tmp_path / "whole.csv", contact=True)

    assert (sure(getattr(whole, who)).phone, whole.held_back) == (PHONE, HELD_BACK)
    assert (revealed.phone, revealed.email, revealed.address) == SECRETS
    for value in (whole, getattr(whole, who), revealed, stocked, stocked.dogs, [whole], stocked.util.info("pets-dogs")):
        for form in every_form(value):
            assert_absent(form, (*SECRETS, HELD_BACK))
    for name in ("pets.csv", "pets.json"):
        assert_absent((tmp_path / name).read_text(), (*SECRETS, *POSITION, "Ully", HELD_BACK))
    asked_for = whole.model_dump_json(context={"contact": True}), (tmp_path / "whole.csv").read_text()
    assert [(PHONE in text, HELD_BACK in text) for text in asked_for] == [(True, False)] * 2


def test_nothing_said_repeats_contact(
    stocked: pf.Registry, who: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    bad_table = tmp_path / "bad.csv"
    bad_table.write_text(f"pet_id,status,held_back,{who}_name,{who}_phone\nx,asleep,{HELD_BACK},Ully,{PHONE}\n")

    def with_person(pet_id: str, person: Any) -> pf.Dog:
        return pf.Dog(pet_id=pet_id, **{who: person})

    attempts: list[Callable[[], object]] = [
        lambda: pf.Owner(name="x", phone=[PHONE]),  # type: ignore[arg-type]
        lambda: pf.Owner(name="", phone=PHONE),
        lambda: with_person("", {"name": "x", "phone": PHONE}),
        lambda: with_person("x", {"name": "x", "fone": PHONE}),
        lambda: with_person("x", PHONE),
        lambda: pf.Dog(pet_id="x", held_back=[HELD_BACK]),  # type: ignore[arg-type]
        lambda: stocked.dogs.register(planted("luigi", GREEN, who)),
        lambda: stocked.dogs.update("luigi", **{who: {"name": "x", "phone": [PHONE]}}),
        lambda: stocked.dogs.register_many([planted("luigi", GREEN, who)], on_conflict="error").raise_for_failures(),
        lambda: stocked.dogs.register_many(pf.read_csv(bad_table, pf.Dog)).raise_for_failures(),
    ]
    for attempt in attempts:
        with pytest.raises(errors.PetfinderError) as caught:
            attempt()
        error: BaseException | None = caught.value
        while error is not None:
            assert_absent(str(error) + repr(error), (*SECRETS, HELD_BACK))
            error = error.__cause__ or error.__context__
    assert_absent(caplog.text, (*SECRETS, HELD_BACK))


def test_erased_pets_leave_no_byte_in_the_files(tmp_path: Path, who: str, table_encoder: TableEncoder) -> None:
    nobody: dict[str, Any] = {who: None, "held_back": None}
    with pf.connect(tmp_path / "pets.db", encoder=table_encoder) as registry:
        for number in range(40):
            registry.dogs.register(planted(f"keep-{number}", (number * 5, 80, 90), who).model_copy(update=nobody))
        registry.dogs.register_many([planted("luigi", RED, who), planted("bella", BLUE, who)], progress=False)
        thumbnail = registry.dogs.find(picture(RED), k=1)[0].photo.thumbnail or b""
        registry.dogs.update("bella", **nobody | {who: pf.Owner(name="Ully")})
        registry.dogs.remove("luigi")

    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert len(thumbnail) > 100
    secrets = (thumbnail, *(secret.encode() for secret in (*SECRETS, HELD_BACK)))
    assert [secret for secret in secrets if secret in left] == []
