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
from petfinder.display import text
from petfinder.display.html import cards
from petfinder.domain import errors
from petfinder.tables import writers
from tests.conftest import TableEncoder
from tests.display.conftest import ADDRESS, EMAIL, PHONE
from tests.test_service import BLUE, GREEN, NEARLY_RED, RED, picture, sure

LAT, LON = 38.712345, -9.143217
SECRETS = (PHONE, EMAIL, ADDRESS)
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


def planted(pet_id: str, colour: tuple[int, int, int]) -> pf.Dog:
    owner = pf.Owner(name="Ully", phone=PHONE, email=EMAIL, address=ADDRESS)
    photos = [jpeg_with_position(colour)]
    return pf.Dog(pet_id=pet_id, name=pet_id, place=(LAT, LON), owner=owner, photos=photos, microchip="9")


@pytest.fixture
def stocked(registry: pf.Registry) -> pf.Registry:
    registry.dogs.register(planted("luigi", RED))
    registry.dogs.register(planted("bella", BLUE))
    return registry


def every_form(value: Any) -> Iterator[str]:
    yield repr(value)
    yield str(value)
    yield f"{value}"
    if isinstance(value, pf.Pet):
        yield value.model_dump_json()
        yield json.dumps(value.model_dump(mode="json"))
        yield text.pet_as_text(value)
        yield cards.pet_card(value)._repr_html_()
    for display in ("_repr_html_", "_repr_markdown_", "_repr_mimebundle_"):
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
            assert_absent(form, (*SECRETS, *POSITION, "Ully"))
        for match in answer if isinstance(answer, pf.Matches) else ():
            assert match.pet.owner is None
            assert match.pet.place == pf.Place(lat=38.71, lon=-9.14)
            assert all(photo.place in (None, match.pet.place) for photo in match.pet.photos)
    thumbnail = stocked.dogs.find(picture(RED))[0].photo.thumbnail or b""
    assert (thumbnail[:2], b"Exif" in thumbnail, b"planted EXIF" in thumbnail) == (b"\xff\xd8", False, False)
    assert not dict(Image.open(io.BytesIO(thumbnail)).getexif())


def test_only_owner_of_the_whole_pet_and_an_export_reveal_contact_when_asked(
    stocked: pf.Registry, tmp_path: Path
) -> None:
    whole, pets = stocked.dogs.get("luigi"), stocked.dogs.list()
    revealed = sure(stocked.owner_of(stocked.dogs.find(picture(NEARLY_RED))[0]))
    writers.write_csv(pets, tmp_path / "pets.csv")
    writers.write_json(pets, tmp_path / "pets.json")
    writers.write_csv(pets, tmp_path / "whole.csv", contact=True)

    assert sure(whole.owner).phone == PHONE
    assert (revealed.phone, revealed.email, revealed.address) == SECRETS
    for value in (whole, whole.owner, revealed, stocked, stocked.dogs, [whole], stocked.util.info("pets-dogs")):
        for form in every_form(value):
            assert_absent(form, SECRETS)
    assert PHONE in whole.model_dump_json(context={"contact": True})
    for name in ("pets.csv", "pets.json"):
        assert_absent((tmp_path / name).read_text(), (*SECRETS, *POSITION, "Ully"))
    assert PHONE in (tmp_path / "whole.csv").read_text()


def test_nothing_said_repeats_contact(stocked: pf.Registry, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    bad_table = tmp_path / "bad.csv"
    bad_table.write_text(f"pet_id,status,owner_name,owner_phone\nx,asleep,Ully,{PHONE}\n")
    attempts: list[Callable[[], object]] = [
        lambda: pf.Owner(name="x", phone=[PHONE]),
        lambda: pf.Owner(name="", phone=PHONE),
        lambda: pf.Dog(pet_id="", owner={"name": "x", "phone": PHONE}),
        lambda: pf.Dog(pet_id="x", owner={"name": "x", "fone": PHONE}),
        lambda: pf.Dog(pet_id="x", owner=PHONE),
        lambda: stocked.dogs.register(planted("luigi", GREEN)),
        lambda: stocked.dogs.update("luigi", owner={"name": "x", "phone": [PHONE]}),
        lambda: stocked.dogs.register_many([planted("luigi", GREEN)], on_conflict="error").raise_for_failures(),
        lambda: stocked.dogs.register_many(pf.read_csv(bad_table, pf.Dog)).raise_for_failures(),
    ]
    for attempt in attempts:
        with pytest.raises(errors.PetfinderError) as caught:
            attempt()
        error: BaseException | None = caught.value
        while error is not None:
            assert_absent(str(error) + repr(error), SECRETS)
            error = error.__cause__ or error.__context__
    assert_absent(caplog.text, SECRETS)


def test_erased_pets_leave_no_byte_in_the_files(tmp_path: Path, table_encoder: TableEncoder) -> None:
    with pf.connect(tmp_path / "pets.db", encoder=table_encoder) as registry:
        for number in range(40):
            registry.dogs.register(planted(f"keep-{number}", (number * 5, 80, 90)).model_copy(update={"owner": None}))
        registry.dogs.register_many([planted("luigi", RED), planted("bella", BLUE)], progress=False)
        thumbnail = registry.dogs.find(picture(RED), k=1)[0].photo.thumbnail or b""
        registry.dogs.update("bella", owner=pf.Owner(name="Ully"))
        registry.dogs.remove("luigi")

    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert len(thumbnail) > 100
    assert [secret for secret in (thumbnail, *(secret.encode() for secret in SECRETS)) if secret in left] == []
