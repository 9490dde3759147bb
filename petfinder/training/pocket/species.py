"""Which species an embedding shows, cat, dog or neither: fitted on the photos that taught, tried on those held out.

Run `python -m petfinder.training.pocket.species --shared ../shared --encoder pocket --encoder pocket-mirrored`. Each
photo that is no cat or dog is tried by a fit that saw nothing of its category.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from petfinder.domain.vectors import Matrix
from petfinder.encoders.base import Encoder
from petfinder.encoders.pocket import Numbers, PocketEncoder, species_named
from petfinder.evaluation.metrics import Mask
from petfinder.training.pocket import benches as measuring
from petfinder.training.pocket.benches import SPECIES, Benches, BenchPhoto, EmbeddingCache, Record, table
from petfinder.training.pocket.photos import read_albums, read_held_out, read_manifest, split_photos

RIDGE = 1e-5  # chosen, as SURE is, with the figures of all benches in view
_FOLDS = 5


def fit(embeddings: Matrix, species: Sequence[str]) -> dict[str, Numbers]:
    """Fit direction and offset (dims + 1,) of cat and of dog against neither; each of the three has the same weight."""
    rows = torch.from_numpy(embeddings).double()
    codes = torch.tensor([SPECIES.index(one) + 1 if one else 0 for one in species])
    weights = torch.zeros(len(SPECIES), rows.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=1000, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        against_neither = F.pad(rows @ weights[:, :-1].T + weights[:, -1], (1, 0))
        balance = 1 / codes.bincount().double()
        wrong = F.cross_entropy(against_neither, codes, weight=balance) + RIDGE / 2 * weights[:, :-1].square().sum()
        torch.autograd.backward([wrong])
        return wrong

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return dict(zip(SPECIES, np.round(weights.detach().numpy(), 4), strict=True))


def with_others(benches: Benches) -> Benches:
    """The same photos, and behind them those of other things, each with its category as the animal."""
    others = [
        BenchPhoto(f"training/{photo.file}", Path(photo.file).name.split("_0")[0], "")
        for photo in read_manifest(benches.folder / "training")
        if not photo.species
    ]
    crowd = np.concatenate([benches.crowd, np.zeros(len(others), bool)])
    return replace(benches, photos=(*benches.photos, *others), crowd=crowd)


def measure(encoder: Encoder, benches: Benches, cache: Path) -> tuple[dict[str, Numbers], list[Record]]:
    """Fit on what may teach, and count how often the photos held out are named right, wrong, and not at all."""
    benches = with_others(benches)
    embeddings = EmbeddingCache(cache, encoder).whole(benches)
    files = read_manifest(benches.folder / "training")
    split = split_photos(files, read_albums(benches.folder / "training"), read_held_out())
    may_teach = {f"training/{files[row].file}" for row in (*split.pets, *split.others)}
    taught = np.array([photo.file in may_teach for photo in benches.photos])
    species = np.array([photo.species for photo in benches.photos])

    def named_without(aside: Mask) -> tuple[dict[str, Numbers], NDArray[np.str_]]:
        fitted = fit(embeddings[taught & ~aside], species[taught & ~aside].tolist())
        return fitted, np.array([one or "" for one in species_named(embeddings, fitted)])

    fitted, named = named_without(np.zeros_like(taught))
    folds = np.unique([photo.animal for photo in benches.photos], return_inverse=True)[1] % _FOLDS
    for fold in range(_FOLDS):
        aside = (species == "") & (folds == fold)
        named[aside] = named_without(aside)[1][aside]
    return fitted, _figures(benches, species, named)


def _figures(benches: Benches, species: NDArray[np.str_], named: NDArray[np.str_]) -> list[Record]:
    held_out, figures = benches.crowd | benches.queries() | (species == ""), []
    groups = np.array([f"{photo.bench or 'crowd'} {photo.half}" for photo in benches.photos])
    groups[species == ""] = "other things"
    for group in dict.fromkeys(groups[held_out].tolist()):
        for one in (*SPECIES, ""):
            names = named[held_out & (groups == group) & (species == one)]
            if count := len(names):
                silent, right = (names == "").mean(), (names == one).mean() if one else 0.0
                shares = {"right": float(right), "silent": float(silent), "wrong": float(1 - silent - right)}
                figures.append({"photos": group, "of": one or "neither", "number": count, **shares})
    return figures


def write_species(encoder: PocketEncoder, fitted: dict[str, Numbers]) -> None:
    """Write the fit beside the weights, where the encoder reads it."""
    rows = {species: row.tolist() for species, row in fitted.items()}
    text = json.dumps({"fingerprint": encoder.fingerprint, **rows}).replace("], ", "],\n")
    encoder.file_of("species").write_text(text + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit and try the encoders named on the command line, print their tables, write what was asked for."""
    parser = measuring.measuring_parser("species", __doc__)
    parser.add_argument("--write", action="store_true", help="write pocket's fit beside its weights")
    options = parser.parse_args(arguments)

    def measured(encoder: Encoder, benches: Benches, cache: Path) -> tuple[str, Record]:
        fitted, figures = measure(encoder, benches, cache)
        if options.write and isinstance(encoder, PocketEncoder):
            write_species(encoder, fitted)
        return f"== {encoder.name}\n{table(figures)}", {"encoder": encoder.name, "species": figures}

    measuring.run(options, measured)


if __name__ == "__main__":
    main()
