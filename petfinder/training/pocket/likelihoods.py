"""The curves that turn leads into likelihood ratios, fitted for each species, and how their promise is kept.

Curves and lines are fitted on the choosing halves and one half of the crowd; what is said of them is measured on the
reporting halves and the other half, so that no animal judges itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from petfinder.domain.verdicts import PhotoLikelihood
from petfinder.evaluation.calibration import SEED, mean_over_animals
from petfinder.evaluation.likelihood import Searches, alarms, best_ratio, fit_curve, searches, together
from petfinder.evaluation.metrics import Gallery, Labelled, Mask, Numbers, registered
from petfinder.training.pocket.benches import CHOOSES, REPORTS, Benches, Record

REGISTERED, BROUGHT = (1, 2, 3), (1, 2)
FITTED_AMONG = (10, 30, 100, 300)
CHECKED_AMONG = (3, 10, 30, 100, 300, 1500, 4000)
STAND_IN = 0.2  # in galleries of fewer than six pets; what a registry takes is the encoder's own
FOUND_AMONG = (100, 300)
DRAWS = 10
FEWEST_ANIMALS = 10
LEAST_OF_A_BREED = 100  # photos
LEAST_AMONG_A_BREED = 20  # photos of the crowd


def halves_of_crowd(benches: Benches) -> tuple[Mask, Mask]:
    """The crowd in two: photos (n,) of every second animal, for fitting and for showing. Albums are left out."""
    animals = np.array([photo.animal for photo in benches.photos])
    crowd = benches.crowd & ~benches.queries("albums")
    fits = np.isin(animals, np.unique(animals[crowd])[::2])
    return crowd & fits, crowd & ~fits


def fit_likelihood(benches: Benches, photos: Labelled, species: str) -> PhotoLikelihood | None:
    """Fit the curves of one species by numbers of registered photos, and the lines: the strictest over galleries.

    Searches are drawn among 10 to 300 pets of one half of the crowd: mated ones by the animals of the choosing halves
    with 1, 2 and 3 of their photos registered, non-mated ones by that half of the crowd itself, which is also looked
    for among the pets of its own breed. None for fewer than 10 animals of either kind.
    """
    random = np.random.default_rng(SEED)
    these = benches.of_species(species)
    crowd = photos.at(halves_of_crowd(benches)[0] & these)
    animals = photos.at(benches.queries(half=CHOOSES) & these)
    if min(len(np.unique(some.ids)) for some in (crowd, animals)) < FEWEST_ANIMALS:
        return None
    strangers = {pets: non_mated(crowd, crowd, pets=pets, random=random) for pets in FITTED_AMONG}
    curves = []
    for count in REGISTERED:
        mated = [
            part
            for pets in FITTED_AMONG
            for part in mated_among(animals, crowd, pets=pets, kept=count, brought=1, random=random)
        ]
        curves.append(fit_curve(together([*mated, *strangers.values()]), photos=count))
    lines = [alarms(known, curves[0]) for known in (*strangers.values(), _within_breeds(benches, photos, species))]
    match, possible = (max(line) for line in zip(*lines, strict=True))
    return PhotoLikelihood(curves=tuple(curves), match=match, possible=possible)


def _within_breeds(benches: Benches, photos: Labelled, species: str) -> Searches:
    """The half of the crowd that fits, each photo looked for among all of the crowd of its breed."""
    random, breeds = np.random.default_rng(SEED), np.array([photo.breed for photo in benches.photos])
    fits, these = halves_of_crowd(benches)[0], benches.of_species(species) & benches.crowd
    named, counts = np.unique(breeds[these & (breeds != "")], return_counts=True)
    return together(
        [
            non_mated(photos.at(fits & these & own), photos.at(these & own), pets=int(count), random=random)
            for breed, count in zip(named.tolist(), counts.tolist(), strict=True)
            if count > LEAST_AMONG_A_BREED and (fits & these & (own := breeds == breed)).any()
        ]
    )


def non_mated(strangers: Labelled, gallery: Labelled, *, pets: int, random: np.random.Generator) -> Searches:
    """Each photo looked for once among so many pets drawn from the gallery, its own animal left out."""
    known = registered(gallery)
    by_pet = known.impostors(strangers.embeddings, strangers.ids)
    alone = np.full(len(strangers), -1, dtype=np.intp)
    return searches(_drawn(by_pet, pets, random), alone, strangers.ids, stand_in=STAND_IN)


def mated_among(
    animals: Labelled, gallery: Labelled, *, pets: int, kept: int, brought: int, random: np.random.Generator
) -> Iterator[Searches]:
    """Animals with enough photos, `kept` of them registered beside so many pets less one, the mean of others brought.

    Ten draws of photos and pets.
    """
    beside = Gallery.of(gallery) if len(np.unique(gallery.ids)) == len(gallery) else registered(gallery)
    names, counts = np.unique(animals.ids, return_counts=True)
    names = names[counts >= kept + brought]
    if not len(names):
        return
    for _ in range(DRAWS):
        rows = [random.permutation(np.flatnonzero(animals.ids == name)) for name in names]
        queries = np.stack([animals.embeddings[row[kept : kept + brought]].mean(axis=0) for row in rows])
        queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
        own = [registered(animals.at(row[:kept])).similarities(queries[[n]])[0, 0] for n, row in enumerate(rows)]
        by_pet = _drawn(beside.impostors(queries, names), pets - 1, random)
        column = np.full(len(names), by_pet.shape[1], dtype=np.intp)
        yield searches(np.column_stack([by_pet, own]), column, names, stand_in=STAND_IN)


def _drawn(by_pet: Numbers, pets: int, random: np.random.Generator) -> NDArray[np.float64]:
    """The same similarities (q, p) with so many pets left to each search, drawn anew; all where there are no more."""
    left = by_pet.astype(np.float64)
    for row in left:
        there = np.flatnonzero(np.isfinite(row))
        if len(there) > pets:
            row[random.permutation(there)[pets:]] = -np.inf
    return left


def kept_promises(benches: Benches, photos: Labelled, likelihoods: dict[str, PhotoLikelihood]) -> list[Record]:
    """How often strangers pass the lines (promised: 1 and 30 %), in galleries of many kinds.

    `benches` knows the pairs of `twins.csv` as one animal. Strangers are the crowd's other half and the animals of the
    reporting halves, none of which took part in the lines. Mixed galleries are of that half of the crowd, larger ones
    of the pets for training; those of one breed, with 100 photos or more, of all that took no part in training; those
    of animals with several photos of the reporting halves themselves.
    """
    breeds = np.array([photo.breed for photo in benches.photos])
    shown, reports = halves_of_crowd(benches)[1], benches.queries(half=REPORTS)
    untaught = benches.crowd | benches.queries()
    rows: list[Record] = []
    for species in likelihoods:
        random, these = np.random.default_rng(SEED), benches.of_species(species)
        strangers = photos.at((shown | reports) & these)
        taught, several = photos.at(benches.training() & ~benches.queries() & these), photos.at(reports & these)
        galleries: list[tuple[str, Labelled, Labelled, Sequence[int]]] = [
            ("mixed", photos.at(shown & these), strangers, CHECKED_AMONG[:5]),
            ("for training", taught, strangers, CHECKED_AMONG[5:]),
            ("several photos", several, several, (30,)),
        ]
        for breed in np.unique(breeds[these & (breeds != "")]).tolist():
            if (these & (breeds == breed)).sum() >= LEAST_OF_A_BREED:
                own = photos.at(untaught & these & (breeds == breed))
                galleries.append((breed, own, own, (len(np.unique(own.ids)) - 1,)))
        for name, gallery, asking, counts in galleries:
            most = len(np.unique(gallery.ids)) - 1
            for pets in sorted({min(count, most) for count in counts}):
                kept = _kept(non_mated(asking, gallery, pets=pets, random=random), likelihoods[species])
                rows.append({"species": species, "gallery": name, "pets": pets, **kept})
    return rows


def _kept(known: Searches, likelihood: PhotoLikelihood) -> Record:
    best = best_ratio(known, likelihood.curves[0])
    match, possible = (mean_over_animals(best >= line, known.ids) for line in (likelihood.match, likelihood.possible))
    return {"searches": len(best), "match": match, "possible": possible}


def shares_found(benches: Benches, photos: Labelled, likelihoods: dict[str, PhotoLikelihood]) -> list[Record]:
    """Of the reporting halves' animals among 100 and 300 others: first, called a match, and (of the first) unknown."""
    rows: list[Record] = []
    for species in likelihoods:
        random, these = np.random.default_rng(SEED), benches.of_species(species)
        animals = photos.at(benches.queries(half=REPORTS) & these)
        crowd = photos.at(halves_of_crowd(benches)[1] & these)
        for pets, kept, brought in product(FOUND_AMONG, REGISTERED, BROUGHT):
            drawn = [*mated_among(animals, crowd, pets=pets, kept=kept, brought=brought, random=random)]
            if drawn:
                setting = {"species": species, "pets": pets, "registered": kept, "brought": brought}
                rows.append(setting | _found(together(drawn), likelihoods[species], kept))
    return rows


def _found(known: Searches, likelihood: PhotoLikelihood, kept: int) -> Record:
    best, first = best_ratio(known, likelihood.curve(kept)), known.leads.argmax(axis=1) == known.own
    match, possible = best >= likelihood.match, best >= likelihood.possible
    shares = {"rank1": first, "match": first & match, "possible": first & possible}
    return {
        "animals": len(np.unique(known.ids)),
        **{name: mean_over_animals(share, known.ids) for name, share in shares.items()},
        "right but unknown": mean_over_animals(~possible[first], known.ids[first]),
    }
