"""The verbs of lost and found, from the report to the pair that somebody confirms or dismisses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_cli import data, folder, registered, run

__all__ = ["folder", "registered"]
NAMED = ("--registry", "pets.db")
SECRET = "555-0142"


@pytest.fixture
def met(registered: Path) -> str:
    """Luigi is lost, and a stray like him found by somebody; gives what was printed."""
    lost = run("report", "lost", "luigi", "--place", "52.51,13.41", "--at", "2026-10-02", *NAMED)
    assert lost.exit_code == 0, lost.stderr
    finder = ("--finder", "A. Walker", "--finder-phone", SECRET)
    found = run(
        "report", "found", "stray", "photos/luigi.png", "--place", "52.52,13.41", "--at", "2026-10-04", *finder, *NAMED
    )
    assert found.exit_code == 0, found.stderr
    return found.stdout + found.stderr


def test_a_report_shows_its_counterparts_at_once_and_no_contact(met: str) -> None:
    assert "stray, found on 2026-10-04" in met
    assert "about 1 km from where it was lost; lost 2 days before" in met
    assert SECRET not in met
    assert SECRET in run("owner", "stray", *NAMED).stdout


def test_pairs_are_listed_dismissed_taken_back_and_confirmed(met: str) -> None:
    [pair] = data("pairs", *NAMED)
    assert {pet["pet_id"] for pet in pair["pets"]} == {"luigi", "stray"}
    assert SECRET not in str(pair)
    assert "(lost since 2026-10-02) and stray (found on 2026-10-04): " in run("pairs", *NAMED).stdout
    assert run("pairs", "--min-probability", "1", *NAMED).exit_code == 1
    assert run("dismiss", "stray", "luigi", *NAMED).exit_code == 0
    nothing, alone = run("pairs", *NAMED), run("counterparts", "luigi", *NAMED)
    assert (nothing.exit_code, alone.exit_code) == (1, 1)
    assert run("undo", "luigi", "stray", *NAMED).exit_code == 0
    assert data("counterparts", "luigi", *NAMED)["matches"][0]["pet_id"] == "stray"
    assert data("confirm", "luigi", "stray", *NAMED)["status"] == "reunited"
    assert run("pairs", *NAMED).exit_code == 1


def test_old_reports_are_listed_until_they_are_renewed(met: str) -> None:
    old = ("report", "sighted", "seen", "photos/zoe.png", "--at", "2020-01-01", *NAMED)
    assert run(*old).exit_code == 0
    assert "seen" in run("stale", *NAMED).stdout
    assert run("renew", "seen", *NAMED).exit_code == 0
    assert "seen" not in run("stale", *NAMED).stdout
    refused = run("report", "found", "nameless", *NAMED)
    assert (refused.exit_code, "with its photos" in refused.stderr) == (2, True)
    refused = run("report", "found", "x", "photos/zoe.png", "--finder-phone", "1", *NAMED)
    assert (refused.exit_code, "--finder" in refused.stderr) == (2, True)
