"""What place, days and facts add to a photo, in a made-up town of real pets: python -m tests.benchmarks.town

Up to 4,000 pets of the folder training are registered as lost within 20 km (homes spread evenly, or in districts) and
within 90 days. The animals of the reporting halves are registered among them one at a time, with 1 and 3 photos, and
looked for by another photo, seen at a distance and after a number of days drawn from published quantiles, not from the
curves that petfinder has. Photos of pets that took no part in training are looked for at two places each. Options:
`--shared ../shared --cache DIR --draws 3 --species dog --save town.png --quick`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import petfinder as pf
from petfinder.domain.pets import SPECIES
from petfinder.encoders.load import load_encoder
from petfinder.evaluation.calibration import mean_over_animals
from petfinder.training.pocket.benches import REPORTS, EmbeddingCache, as_one_animal, read_benches, read_twins
from tests.benchmarks.common import print_table

Floats = NDArray[np.float64]
Random = np.random.Generator

CENTRE, TOWN_KM, WINDOW_DAYS, MOST_PETS, MOST_SHOWN = (52.5, 13.4), 20.0, 90, 4000, 20
NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
REGISTERED = 0.3  # mated searches weigh so much against the others, as `Evidence.registered` assumes
SEX_TOLD_RIGHT, BREED_TOLD_RIGHT = 0.95, 0.677  # the first chosen; the second Gunter et al., PLoS ONE 13 (2018)
KM: dict[str, tuple[list[float], list[float]]] = {
    "dog": ([0, 0.42, 0.70, 0.97, 1], [0.005, 0.122, 1.609, 40, 300]),  # Kremer et al. (2021); the last two: "rare"
    "cat": ([0, 0.25, 0.5, 0.75, 0.97, 1], [0.003, 0.014, 0.3, 1.609, 20, 100]),  # Huang et al. (2018), outdoor
}
DAYS: dict[str, tuple[list[float], list[float]]] = {
    "dog": ([0, 0.5, 0.91, 0.99, 1], [0.2, 2, 5, 10, 21]),  # Lord et al. (2007), Kremer et al. (2021)
    "cat": ([0, 0.5, 0.557, 0.82, 0.918, 1], [0.3, 5, 7, 30, 61, 365]),  # of cats found alive, Huang et al. (2018)
}


@dataclass(frozen=True)
class Found:
    """One search: the animal, whether it was registered, its rank (0: not shown), the first one's probability."""

    animal: str
    mated: bool
    rank: int
    probability: float
    verdict: str
    km: float = 0.0


def quantile(table: tuple[list[float], list[float]], share: float) -> float:
    """The value below which this share lies, by lines over its logarithm."""
    return float(np.exp(np.interp(share, table[0], np.log(table[1]))))


def moved(place: tuple[float, float], km: float, random: Random) -> tuple[float, float]:
    """A place so far from another, in any direction."""
    angle = random.uniform(0, 2 * np.pi)
    north, east = km * np.cos(angle) / 111.195, km * np.sin(angle) / 111.195 / np.cos(np.radians(place[0]))
    return (float(place[0] + north), float(place[1] + east))


def homes(districts: bool, random: Random) -> Iterator[tuple[float, float]]:
    """Homes spread evenly over the town, or around forty middles of districts."""
    middles = [moved(CENTRE, TOWN_KM * np.sqrt(random.uniform()), random) for _ in range(40)]
    while True:
        if districts:
            yield moved(middles[random.integers(40)], abs(random.normal(0, 1.2)), random)
        else:
            yield moved(CENTRE, TOWN_KM * np.sqrt(random.uniform()), random)


@dataclass(frozen=True, eq=False)
class Photos:
    """All photos of one species: animals, breeds, embeddings, and which are taught, held out, and looked for."""

    species: str
    animals: NDArray[np.str_]
    breeds: NDArray[np.str_]
    embeddings: NDArray[np.float32]
    taught: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    looked_for: NDArray[np.bool_]

    def pet(self, name: str, rows: Sequence[int], home: tuple[float, float], days: float, sex: str) -> pf.Pet:
        """A pet that was lost from its home so many days ago."""
        photos = tuple(pf.Photo(photo_id=f"{row}", embedding=self.embeddings[row]) for row in rows)
        known: dict[str, Any] = {
            "breed": str(self.breeds[rows[0]]) or None,
            "sex": sex,
            "photos": photos,
            "place": home,
        }
        lost_at = NOW - timedelta(days=days)
        make: type[pf.Pet] = SPECIES[self.species]
        return make(pet_id=name, species=self.species, status="lost", status_at=lost_at, **known)

    def told(self, row: int, sex: str, breeds: Sequence[str], random: Random) -> pf.Pet:
        """What somebody says of the animal in a photo, as often wrong as people are."""
        other = {"female": "male", "male": "female"}[sex]
        said = sex if random.uniform() < SEX_TOLD_RIGHT else other
        breed = str(self.breeds[row])
        if breed and random.uniform() >= BREED_TOLD_RIGHT:
            breed = str(random.choice(breeds))
        return SPECIES[self.species](pet_id="asked", species=self.species, sex=said, breed=breed or None)


def read_photos(shared: Path, cache: Path, species: str) -> Photos:
    """Read the benches and embed them, pairs of twins as one animal."""
    whole = read_benches(shared)
    embeddings = EmbeddingCache(cache, load_encoder("pocket")).whole(whole)
    benches = as_one_animal(whole, read_twins())
    own = benches.of_species(species)
    animals, breeds = (
        np.array([getattr(photo, name) for photo in benches.photos])[own] for name in ("animal", "breed")
    )
    held_out, reports = benches.crowd[own] & ~benches.queries("albums")[own], benches.queries(half=REPORTS)[own]
    taught = benches.training()[own] & ~benches.crowd[own] & ~benches.queries()[own]
    return Photos(species, animals, breeds, embeddings[own], taught, held_out, reports)


def searched(photos: Photos, *, districts: bool, draws: int, most: int) -> dict[tuple[str, int], list[Found]]:
    """All searches of one town, by what is known and how many photos were registered."""
    random = np.random.default_rng(1)
    service: Any = {"dog": "dogs", "cat": "cats"}[photos.species]
    registry = pf.connect(":memory:", encoder="pocket")
    pets, home, sexes = getattr(registry, service), homes(districts, random), ("female", "male")
    breeds = sorted(set(photos.breeds[photos.taught]) - {""})
    rows_of = {
        name: np.flatnonzero(photos.taught & (photos.animals == name))
        for name in np.unique(photos.animals[photos.taught])
    }
    strangers = [
        photos.pet(
            f"stranger {name}", rows[:1].tolist(), next(home), random.uniform(0, WINDOW_DAYS), str(random.choice(sexes))
        )
        for name, rows in [*rows_of.items()][:most]
    ]
    assert not pets.register_many(strangers, progress=False).failures
    answers: dict[tuple[str, int], list[Found]] = {}

    def ask(row: int, place: tuple[float, float], sex: str, kept: int, right: str = "", km: float = 0.0) -> None:
        photo = pf.Photo(photo_id=f"asked {row}", embedding=photos.embeddings[row])
        about = photos.told(row, sex, breeds, random)
        known: dict[str, dict[str, Any]] = {
            "photo": {},
            "photo, place": {"place": place},
            "all": {"place": place, "at": NOW, "about": about},
        }
        for what, given in known.items():
            found = pets.find(photo, k=MOST_SHOWN, **given)
            rank = next((n for n, match in enumerate(found, 1) if match.pet.pet_id == right), 0)
            first = Found(str(photos.animals[row]), bool(right), rank, found[0].probability, str(found.verdict), km)
            for count in (kept,) if right else (1, 3):
                answers.setdefault((what, count), []).append(first)

    for row in np.flatnonzero(photos.held_out).tolist():
        for _ in range(2):
            ask(row, moved(CENTRE, TOWN_KM * np.sqrt(random.uniform()), random), str(random.choice(sexes)), 1)
    for name, kept, _ in product(np.unique(photos.animals[photos.looked_for]), (1, 3), range(draws)):
        rows = random.permutation(np.flatnonzero(photos.looked_for & (photos.animals == name))).tolist()
        if len(rows) > kept:
            sex, lives, km = str(random.choice(sexes)), next(home), quantile(KM[photos.species], random.uniform())
            pet = photos.pet("right", rows[:kept], lives, quantile(DAYS[photos.species], random.uniform()), sex)
            pets.register(pet)
            ask(rows[kept], moved(lives, km, random), sex, kept, right="right", km=km)
            pets.remove("right")
    registry.close()
    return answers


def summary(found: Sequence[Found]) -> dict[str, object]:
    """The figures of one setting; shares with their 95 % interval over animals."""
    mated, others = [one for one in found if one.mated], [one for one in found if not one.mated]
    line = float(np.quantile([one.probability for one in others], 0.99))
    right = [one for one in mated if one.rank == 1]
    near = [one for one in mated if one.km <= 1.609]
    return {
        "mated": len(mated),
        "rank-1": share(mated, lambda one: one.rank == 1),
        "rank-5": share(mated, lambda one: 0 < one.rank <= 5),
        "rank-20": share(mated, lambda one: one.rank > 0),
        "rank-1, within a mile": share(near, lambda one: one.rank == 1),
        "TPIR at FPIR .01": share(mated, lambda one: one.rank == 1 and one.probability > line),
        "right but unknown": share(right, lambda one: one.verdict == "unknown"),
        "FPIR match": share(others, lambda one: one.verdict == "match"),
        "FPIR possible": share(others, lambda one: one.verdict != "unknown"),
        "P > .9 of mated": share(mated, lambda one: one.probability > 0.9),
        "P > .9, right": share([one for one in mated if one.probability > 0.9], lambda one: one.rank == 1),
        "P > .9 of non-mated": share(others, lambda one: one.probability > 0.9),
        **calibrated(found),
    }


def share(some: Sequence[Found], passes: Callable[[Found], bool]) -> str:
    """The share of searches that pass, with its interval over animals."""
    if not some:
        return "-"
    estimate = mean_over_animals(
        np.array([passes(one) for one in some]), np.array([one.animal for one in some]), draws=300
    )
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"


def weighed(found: Sequence[Found]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Probabilities of the first, whether it is right, and weights: so many mated searches as are assumed."""
    mated = np.array([one.mated for one in found])
    weights = np.where(mated, REGISTERED / mated.sum(), (1 - REGISTERED) / (~mated).sum())
    return np.array([one.probability for one in found]), np.array([one.rank == 1 for one in found]), weights


def calibrated(found: Sequence[Found]) -> dict[str, str]:
    """Brier score; Cllr and Cllr_min (Brummer and du Preez, 2006) of the first one's likelihood ratio."""
    chances, right, weights = weighed(found)
    brier = float(weights @ (chances - right) ** 2)
    prior = float(weights @ right)
    odds = np.clip(chances, 1e-9, 1 - 1e-9)
    logs = np.log(odds / (1 - odds)) - np.log(prior / (1 - prior))
    best = np.clip(isotonic(chances, right, weights), 1e-9, 1 - 1e-9)
    least = np.log(best / (1 - best)) - np.log(prior / (1 - prior))
    return {
        "Brier": f"{brier:.3f}",
        "Cllr": f"{cllr(logs, right, weights):.3f}",
        "Cllr min": f"{cllr(least, right, weights):.3f}",
    }


def cllr(logs: Floats, right: NDArray[np.bool_], weights: Floats) -> float:
    """The cost of log likelihood ratios (natural logarithm), in bits; 1 says nothing."""
    costs = np.where(right, np.logaddexp(0, -logs), np.logaddexp(0, logs)) / np.log(2)
    return float(sum(np.average(costs[part], weights=weights[part]) for part in (right, ~right)) / 2)


def isotonic(chances: Floats, right: NDArray[np.bool_], weights: Floats) -> Floats:
    """The best rising function of the probabilities, by pooling adjacent violators."""
    order = np.argsort(chances, kind="stable")
    blocks: list[list[float]] = []  # mean, weight, members
    for row in order:
        blocks.append([float(right[row]), float(weights[row]), 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            mean, weight, members = blocks.pop()
            before = blocks[-1]
            together = before[1] + weight
            blocks[-1] = [(before[0] * before[1] + mean * weight) / together, together, before[2] + members]
    fitted = np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])
    best = np.empty(len(chances))
    best[order] = fitted
    return best


def reliability(found: Sequence[Found]) -> pd.DataFrame:
    """How often answers of a probability were right, ten bins wide."""
    chances, right, weights = weighed(found)
    bins = np.minimum((chances * 10).astype(int), 9)
    rows = []
    for place in np.unique(bins):
        own = bins == place
        said, true = (float(np.average(values[own], weights=weights[own])) for values in (chances, right))
        rows.append(
            {
                "probability": f"{place / 10:.1f}-{(place + 1) / 10:.1f}",
                "said": said,
                "right": true,
                "searches": int(own.sum()),
            }
        )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.town", description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--cache", type=Path, default=Path(".cache"))
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--species", choices=["dog", "cat"], action="append")
    parser.add_argument("--pets", type=int, default=MOST_PETS)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args(arguments)
    for species, districts in product(options.species or ["dog", "cat"], (False, True)):
        photos = read_photos(options.shared, options.cache, species)
        answers = searched(photos, districts=districts, draws=options.draws, most=options.pets)
        rows = [{"known": what, "photos": kept, **summary(found)} for (what, kept), found in sorted(answers.items())]
        print(f"\n{species}s, {'homes in districts' if districts else 'homes spread evenly'}")
        print_table(pd.DataFrame(rows).T.reset_index())
        for kept in (1, 3):
            print(f"\nreliability with all evidence, {kept} registered")
            print_table(reliability(answers["all", kept]))


if __name__ == "__main__":
    main()
