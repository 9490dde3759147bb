"""A real Chromium, and pages that are served to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from petfinder.cli.demo import register_bundled
from petfinder.domain.pets import Cat, Owner, Place
from petfinder.page.access import hash_passphrase
from petfinder.registry.connect import connect
from tests.page.serving import DATASET, PASSPHRASE, Served, served

MARKUP = "<img src=x onerror=alert(1)>'\"><script>alert(2)</script>{{ 7*7 }}"
SECRET = "told-to-nobody"
LOST_AT = Place(lat=37.77123, lon=-122.43987)
GARDEN = DATASET / "queries" / "in-our-front-garden.jpg"
QUIET = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without one a test is skipped on a developer's machine, and fails in CI."""
    named = os.environ.get("PETFINDER_TEST_CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    return found or _missing("no Chromium for this test: apt install chromium, or name one in PETFINDER_TEST_CHROMIUM")


@pytest.fixture(scope="session")
def nginx() -> str:
    """Where nginx is, which stands with https before the page; skipped and failing as above."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or _missing("apt install nginx-light")


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser; each visitor is a context of their own in it."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-sync", *QUIET.split()]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def locked() -> dict[str, str]:
    return {"PETFINDER_PASSPHRASE_HASH": hash_passphrase(PASSPHRASE)}


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory, locked: dict[str, str]) -> Iterator[Served]:
    """The bundled pets, one of them lost at an exact place, and a stray of whom every field is markup."""
    folder = tmp_path_factory.mktemp("town")
    with connect(folder / "pets.db") as opened:
        register_bundled(opened, DATASET, progress=False)
        opened.dogs.report_lost("bento", place=LOST_AT)
        person = Owner(name=MARKUP, phone=SECRET, email=SECRET, address=SECRET)
        every = dict.fromkeys(("pet_id", "name", "breed", "colour", "note", "held_back"), MARKUP)
        more = {"tags": [MARKUP], "owner": person, "photos": [GARDEN], "status": "found", "status_place": LOST_AT}
        opened.cats.register(Cat.model_validate({**every, **more}))
    with served("pets.db", folder, "--greeting", f"Shelter {MARKUP}", settings=locked) as running:
        yield running
