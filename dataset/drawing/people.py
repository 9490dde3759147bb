"""Who the pets are on paper and who owns them. Every name is invented; every phone number is one that the North
American numbering plan keeps for fiction (555-0100 to 555-0199); the addresses are under example.org, which nobody
owns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

COLUMNS = (
    "pet_id",
    "species",
    "name",
    "breed",
    "colour",
    "sex",
    "status",
    "microchip",
    "tags",
    "note",
    "owner_name",
    "owner_phone",
    "owner_email",
    "owner_picture",
    "photos",
)


@dataclass(frozen=True)
class Paper:
    """What the registry knows of a pet beside its photos; `line` is the last two digits of its owner's number."""

    name: str
    breed: str
    colour: str
    sex: Literal["female", "male"]
    owner: str
    line: int
    note: str
    tags: tuple[str, ...] = ()
    status: Literal["home", "lost"] = "home"
    chip: str = ""
    picture: str = ""


PEOPLE: dict[str, Paper] = {
    "bento": Paper(
        "Bento",
        "Beagle",
        "tricolour",
        "male",
        "Amara Okafor",
        12,
        "Follows his nose, comes for cheese.",
        ("red collar", "friendly"),
        "lost",
        "999000000000112",
        "owners/amara-okafor.jpg",
    ),
    "mel": Paper(
        "Mel",
        "Golden Retriever",
        "gold",
        "female",
        "Henrik Solberg",
        24,
        "Swims at once in any water.",
        ("blue collar", "friendly"),
        chip="999000000000124",
        picture="owners/henrik-solberg.jpg",
    ),
    "fado": Paper(
        "Fado",
        "Portuguese Water Dog",
        "black and white",
        "male",
        "Inês Duarte",
        31,
        "Shaggy black curls, white bib.",
        ("shy",),
        chip="999000000000131",
    ),
    "pipa": Paper(
        "Pipa",
        "Jack Russell Terrier",
        "white and brown",
        "female",
        "Tomasz Wilk",
        38,
        "One brown ear. Jumps fences.",
        ("green collar", "small"),
    ),
    "nuvem": Paper(
        "Nuvem",
        "Japanese Spitz",
        "white",
        "female",
        "Yuki Arai",
        45,
        "Barks at bicycles.",
        ("small",),
        chip="999000000000145",
    ),
    "zorra": Paper(
        "Zorra",
        "German Shepherd",
        "black and tan",
        "female",
        "Marisol Vega",
        53,
        "Wary of strangers; say her name first.",
        ("orange collar",),
        chip="999000000000153",
    ),
    "faisca": Paper(
        "Faísca",
        "Dalmatian",
        "white with black spots",
        "male",
        "Priya Raman",
        60,
        "Runs far when he runs.",
        ("red collar",),
    ),
    "trigo": Paper(
        "Trigo",
        "Dachshund",
        "red-brown",
        "male",
        "Gus Lindqvist",
        67,
        "Needs his heart tablets twice a day.",
        ("teal collar", "medicine"),
        "lost",
        "999000000000167",
    ),
    "luna": Paper(
        "Luna",
        "Australian Shepherd",
        "blue merle",
        "female",
        "Leilani Kahale",
        74,
        "One blue eye, one brown.",
        ("odd eyes",),
        "lost",
        "999000000000174",
        "owners/leilani-kahale.jpg",
    ),
    "ginja": Paper(
        "Ginja",
        "Domestic Shorthair",
        "orange tabby",
        "male",
        "Samira Haddad",
        81,
        "Answers to a tin being opened.",
        ("blue collar", "indoor"),
        "lost",
    ),
    "figaro": Paper(
        "Fígaro",
        "Domestic Shorthair",
        "black and white",
        "male",
        "Dario Conti",
        86,
        "Sings at night.",
        ("shy",),
        chip="999000000000186",
    ),
    "safira": Paper(
        "Safira",
        "Siamese",
        "cream with dark points",
        "female",
        "Mei-Ling Zhao",
        90,
        "Very talkative.",
        ("indoor",),
        chip="999000000000190",
    ),
    "urso": Paper(
        "Urso", "Maine Coon", "brown tabby", "male", "Callum Byrne", 95, "Large, slow and kind.", ("friendly",)
    ),
    "chita": Paper(
        "Chita",
        "Domestic Shorthair",
        "calico",
        "female",
        "Nadia Petrova",
        99,
        "Black patch over one eye.",
        ("pink collar",),
        "lost",
        "999000000000199",
    ),
}


def row(pet_id: str, paper: Paper, species: str, photos: Sequence[str]) -> tuple[str, ...]:
    """The pet's line in the manifest."""
    plain = paper.owner.lower().replace("ê", "e").replace(" ", ".")
    return (
        pet_id,
        species,
        paper.name,
        paper.breed,
        paper.colour,
        paper.sex,
        paper.status,
        paper.chip,
        ";".join(paper.tags),
        paper.note,
        paper.owner,
        f"+1 415 555 01{paper.line:02d}",
        f"{plain}@example.org",
        paper.picture,
        ";".join(photos),
    )
