"""Matches to look at: made by hand, so that each test says what it shows."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from petfinder.domain.errors import EncoderUnavailable
from petfinder.domain.matches import Match, Matches
from petfinder.domain.pets import Dog, Owner, Photo, Place, Status
from petfinder.domain.verdicts import Cut, Verdict
from petfinder.evaluation.calibration import Estimate
from petfinder.evaluation.compare import Column, Comparison
from petfinder.evaluation.evaluate import measured
from petfinder.evaluation.result import RANK1, Evaluation
from tests.test_evaluate import scattered

PHONE, EMAIL, ADDRESS = "555-0147-90210", "planted@example.org", "13 Planted Lane"
CUT = Cut(match=0.9, possible=0.7)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in drawn_texts(figure)]


def drawn_texts(figure: Figure) -> list[Text]:
    """The texts of a figure, in the places where drawing has put them."""
    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text() and text.get_visible()]


def check_texts_lie_apart_and_inside(figure: Figure) -> None:
    boxes = [text.get_window_extent() for text in drawn_texts(figure)]
    assert [i for i, box in enumerate(boxes) if box.count_overlaps(boxes) > 1] == []  # one: itself
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0 for box in boxes)


def thumbnail(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


def photo(name: str, *, colour: str | None = "red", taken_at: datetime | None = None) -> Photo:
    pixels = thumbnail(colour) if colour else None
    place = Place(lat=38.712345, lon=-9.143217)
    return Photo(uri=f"/home/ully/{name}", photo_id=name, thumbnail=pixels, taken_at=taken_at, place=place)


@pytest.fixture
def owner() -> Owner:
    return Owner(name="Ully", phone=PHONE, email=EMAIL, address=ADDRESS, picture=photo("ully.jpg"))


@pytest.fixture
def luigi(owner: Owner) -> Dog:
    """A lost dog with three photos, an exact place and an owner."""
    return Dog(
        pet_id="luigi-7",
        name="Luigi",
        breed="Jack Russell",
        status=Status.LOST,
        status_at=datetime(2026, 10, 2),
        place=(38.712345, -9.143217),
        owner=owner,
        finder=owner,
        held_back=ADDRESS,
        photos=[photo("side.jpg"), photo("face.jpg", taken_at=datetime(2026, 5, 3)), photo("back.jpg")],
    )


@pytest.fixture
def rex() -> Dog:
    """A dog of whom no picture is at hand."""
    return Dog(pet_id="rex", photos=[photo("rex.jpg", colour=None)])


@pytest.fixture
def matches(luigi: Dog, rex: Dog) -> Matches:
    return Matches(
        found=(
            Match(luigi, luigi.photos[1], 0.931, Verdict.MATCH, distance_km=3),
            Match(rex, rex.photos[0], 0.512, Verdict.UNKNOWN),
        ),
        query=(photo("stray.jpg", colour="blue", taken_at=datetime(2026, 11, 20)),),
        cut=CUT,
        pets_searched=1204,
        photos_searched=3310,
        thresholds_source="measured on a crowd",
    )


@pytest.fixture
def named(luigi: Dog) -> Callable[[str], Matches]:

    def make(name: str) -> Matches:
        pet = luigi.model_copy(update={"name": name, "breed": name})
        return Matches(found=(Match(pet, pet.photos[0], 0.93, Verdict.MATCH),), query=(photo("q.jpg"),), cut=CUT)

    return make


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """Twelve pets of three photos each that are not easy to tell apart."""
    return measured(scattered(pets=12, photos_each=3, dims=8, seed=3, spread=0.7), encoder="table-1").evaluation


@pytest.fixture(scope="session")
def comparison(evaluation: Evaluation) -> Comparison:
    """Two encoders that could be tried, the second with a difference, and one that could not."""
    blind = Column("blind-1", replace(evaluation, encoder="blind-1"), differences={RANK1: Estimate(-0.25, -0.4, -0.1)})
    absent = Column("absent-1", error=EncoderUnavailable("its weights are <gone>"))
    return Comparison((Column("table-1", evaluation), blind, absent))
