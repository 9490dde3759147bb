"""What visitors do on the page, in a real browser, with a registry in a file and one on Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.page.serving import DATASET, SHOWN_MS, Served, Visitor, visiting

BENTO = DATASET / "queries" / "on-the-steps-after-rain.jpg"
STRANGER = DATASET / "queries" / "in-our-front-garden.jpg"
STRANGER_CAT = DATASET / "queries" / "on-the-beach-wall.jpg"
LUNA = DATASET / "queries" / "found-in-the-park.jpg"
PHONE = "+1 415 555 0112"
EMAIL = "amara.okafor@example.org"
OWN_PHONE = "+1 415 555 0977"
LOCKED = "Contact details and changes need the passphrase of whoever runs this page."


@pytest.fixture(scope="module")
def visitor(browser: Browser, page_on_each_store: Served) -> Iterator[Visitor]:
    """One visitor on each store, who stays for several tests."""
    with visiting(browser, page_on_each_store.url) as there:
        yield there


def test_a_photo_finds_the_pet_a_filter_narrows_and_a_click_shows_those_like_it(visitor: Visitor) -> None:
    visitor.upload(BENTO)
    visitor.sees("This looks like Bento")
    visitor.press("How sure is this?", exact=False)
    visitor.sees("14 pets with")
    shown = visitor.page.locator(".pf-pet:visible")
    expect(shown.first).to_contain_text("Bento")

    visitor.press("Narrow the search", exact=False)
    visitor.field("Breed").fill("dachshund")
    visitor.press("Search again")
    expect(shown.first).to_contain_text("Trigo", timeout=SHOWN_MS)
    visitor.press("How sure is this?", exact=False)
    visitor.sees("1 pet with")
    expect(shown).to_have_count(1, timeout=SHOWN_MS)
    expect(shown).to_contain_text("Trigo")

    shown.get_by_role("button", name="More like this").click()
    visitor.sees("Pets that look like Trigo")
    expect(shown.nth(1)).to_be_visible(timeout=SHOWN_MS)
    expect(shown.filter(has_text="Trigo")).to_have_count(0)
    visitor.press("← Back")
    expect(shown).to_have_count(1, timeout=SHOWN_MS)
    expect(shown).to_contain_text("Trigo")
    assert visitor.errors == []


def test_contact_comes_to_the_browser_only_after_the_passphrase(browser: Browser, page_on_each_store: Served) -> None:
    with visiting(browser, page_on_each_store.url) as visitor:
        visitor.upload(BENTO)
        visitor.sees("This looks like Bento")
        visitor.page.locator(".pf-pet:visible").first.get_by_role("button", name="Details").click()
        for change in ("Who to call", "Edit", "Report lost"):
            if visitor.button(change).count():
                _is_locked(visitor, change)
        visitor.unlock("three grey whisker")
        visitor.sees("That is not the passphrase.")
        _is_locked(visitor, "Who to call")
        assert not any(visitor.received(contact) for contact in (PHONE, EMAIL, "Amara", "Okafor"))

        visitor.unlock()
        visitor.button("Lock").wait_for()
        visitor.press("Who to call")
        visitor.sees(PHONE)
        visitor.sees(EMAIL)

        visitor.press("Lock")
        visitor.button("Unlock").wait_for()
        expect(visitor.page.get_by_text(PHONE)).to_have_count(0)
        assert PHONE not in visitor.page.content()
        _is_locked(visitor, "Who to call")
    assert not any(secret in page_on_each_store.said for secret in (PHONE, EMAIL, "whisker"))


def test_what_one_visitor_registers_another_finds_locked(browser: Browser, page_on_each_store: Served) -> None:
    with visiting(browser, page_on_each_store.url) as keeper, visiting(browser, page_on_each_store.url) as finder:
        keeper.unlock()
        keeper.button("Lock").wait_for()
        keeper.go("Register a pet")
        keeper.upload(STRANGER)
        keeper.sees("in-our-front-garden.jpg")
        keeper.field("Name").fill("Rolha")
        keeper.field("Note").fill("Sleeps in the hedge.")
        keeper.field("Owner's name").fill("Teresa Lume")
        keeper.field("Phone").fill(OWN_PHONE)
        keeper.press("Register")
        keeper.sees("Rolha is registered, with the id rolha.")

        finder.upload(STRANGER)
        finder.sees("This looks like Rolha")
        _search(finder, "hedge")
        finder.sees("1 dog with “hedge”")
        finder.page.locator(".pf-pet:visible").get_by_role("button", name="Details").click()
        _is_locked(finder, "Who to call")
        _is_locked(finder, "Remove", "Yes, remove for ever")
        finder.go("Register a pet")
        finder.upload(STRANGER_CAT)
        finder.sees("on-the-beach-wall.jpg")
        finder.field("Name").fill("Nobody")
        _is_locked(finder, "Register")
        assert not any(finder.received(contact) for contact in (OWN_PHONE, "Teresa", "Lume"))

        keeper.press("Details", exact=False)
        keeper.press("Who to call")
        keeper.sees(OWN_PHONE)
        keeper.press("Report lost")
        keeper.field("Missing since").fill("2026-10-02")
        keeper.press("Report as lost")
        keeper.sees("Rolha is reported lost.")
        keeper.press("Edit")
        keeper.field("Colour").fill("sand")
        keeper.press("Save")
        keeper.sees("Rolha is saved.")
        finder.go("All pets")
        finder.field("Status").select_option("lost")
        finder.sees("Rolha")
        keeper.press("Remove")
        keeper.press("Yes, remove for ever")
        keeper.sees("Removed, with photos and contact.")
        finder.go("Map")
        finder.go("All pets")
        expect(finder.page.locator(".pf-pet:visible", has_text="Rolha")).to_have_count(0, timeout=SHOWN_MS)
        assert finder.errors == keeper.errors == []
    assert OWN_PHONE not in page_on_each_store.said


def test_a_stray_is_looked_for_and_then_registered_as_found(visitor: Visitor) -> None:
    visitor.unlock()
    visitor.button("Lock").wait_for()
    visitor.press("Cats")
    visitor.go("Report a stray")
    visitor.upload(STRANGER_CAT)
    visitor.sees("None of these? Register it as found")
    visitor.field("Who has it now").fill("Shelter by the sea")
    visitor.press("Register as found")
    visitor.sees("is registered as found.")

    visitor.go("All pets")
    visitor.field("Status").select_option("found")
    visitor.sees("1 cat")
    assert visitor.errors == []


def _is_locked(visitor: Visitor, *buttons: str) -> None:
    for button in buttons:
        visitor.press(button)
    visitor.sees(LOCKED)


def _search(visitor: Visitor, words: str) -> None:
    visitor.go("Search by words")
    visitor.field("Name, breed, colour, or chip number").fill(words)
    visitor.press("Search")


def test_a_stray_meets_who_is_lost_and_a_volunteer_says_whether_they_are_one(visitor: Visitor) -> None:
    visitor.press("Dogs")
    visitor.go("Report a stray")
    visitor.upload(LUNA)
    visitor.press("Register as found")
    visitor.sees("is registered as found.")
    expect(visitor.page.locator(".pf-pet:visible").filter(has_text="Luna").first).to_be_visible(timeout=SHOWN_MS)

    visitor.go("Pairs to check")
    visitor.press("Not the same")
    visitor.sees("No pair is open here.")
    visitor.press("Undo")
    visitor.press("One animal")
    visitor.sees(": reunited.")
    visitor.press("Undo")
    visitor.sees("that they are one animal:")
    assert visitor.errors == []
