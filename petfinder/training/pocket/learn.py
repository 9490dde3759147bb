"""What is learnt, step by step, and kept: the network, where the pet is, how its maps are read, the matrix.

Each function is one or two steps of `Steps`; `make` puts them in order.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from petfinder.domain.errors import ConfigError
from petfinder.training.pocket.augment import STRONG
from petfinder.training.pocket.export import part_features
from petfinder.training.pocket.features import cell_axes, learn_head, parts_of, saliency_maps, starting_parts
from petfinder.training.pocket.finetune import mixed, targets_from, tune, untouched_weights
from petfinder.training.pocket.lessons import Lessons
from petfinder.training.pocket.material import Material, Settings
from petfinder.training.pocket.matrix import fit_reader
from petfinder.training.pocket.network import BLOCK_16, BLOCK_32, Backbone
from petfinder.training.pocket.photos_on_disk import picture_map
from petfinder.training.pocket.reader import Axes, Reader
from petfinder.training.pocket.saliency import SaliencyHead
from petfinder.training.pocket.steps import (
    Kept,
    Steps,
    checkpoint_of,
    code_fingerprint,
    file_fingerprint,
    fingerprint,
    write_arrays,
)
from petfinder.training.pocket.views import changed_views

Reading = tuple[Backbone, SaliencyHead, tuple[Axes, ...]]


def squash(steps: Steps, material: Material) -> tuple[Kept, Lessons]:
    """Every photo that teaches at the encoder's size."""
    pets = len(material.split.pets)

    def work(folder: Path) -> dict[str, Any]:
        picture_map(material.folder, material.teaching, folder / "000.npy")
        return {"photos of pets": pets, "photos of other things": len(material.teaching) - pets}

    contents = (f"{one.file} {file_fingerprint(material.folder / one.file)}\n" for one in material.teaching)
    needs: dict[str, Any] = {
        "photos": fingerprint(line.encode() for line in contents),
        "photos of pets": pets,
        "code": code_fingerprint("photos_on_disk"),
    }
    kept = steps.keep("photos", work, needs=needs)
    (pictures,) = kept.arrays()
    return kept, Lessons(pictures[:pets], material.places, pictures[pets:])


def light_training(
    steps: Steps, squashed: Kept, material: Material, lessons: Lessons, settings: Settings, every: int
) -> Kept:
    """What the starting network sees, and the network that was trained on it: its weights and, last, the losses."""

    def see(folder: Path) -> dict[str, Any]:
        write_arrays(folder, starting_parts(material.start, lessons))
        return {}

    def train(folder: Path) -> dict[str, Any]:
        tuned = tune(
            material.start,
            lessons,
            targets_from(seen.arrays()),
            epochs=settings.epochs,
            seed=settings.seed,
            checkpoint=checkpoint_of(folder),
            every=every,
        )
        write_arrays(folder, [*tuned.network.arrays().values(), tuned.losses])
        return {"seconds": tuned.seconds, "batches": len(tuned.losses), "last loss": float(tuned.losses[-1])}

    needs: dict[str, Any] = {
        "start": material.fingerprints["start"],
        "places": fingerprint([lessons.places.boxes.tobytes(), lessons.places.masks.tobytes()]),
        "code": code_fingerprint("seeing"),
    }
    seen = steps.keep("starting-parts", see, needs=needs, after=[squashed])
    needs = {"epochs": settings.epochs, "seed": settings.seed, "code": code_fingerprint("tune")}
    return steps.keep("light-training", train, needs=needs, after=[squashed, seen])


def mixed_network(start: Backbone, weights: Sequence[NDArray[np.float32]], *, share: float) -> Backbone:
    """The trained network mixed back toward its start."""
    tuned = Backbone(start.layers, dict(zip(start.weights, weights, strict=True)))
    network = mixed(start, tuned, share=share)
    untouched = untouched_weights(start, network)
    if untouched:
        raise ConfigError(f"training left {len(untouched)} weights as they were: raise the share or the epochs")
    return network


def learn_saliency(
    steps: Steps, before: Sequence[Kept], network: Backbone, lessons: Lessons, settings: Settings
) -> tuple[Kept, SaliencyHead]:
    """The saliency head, from photos in which a pet was found and photos of other things."""

    def see(folder: Path) -> dict[str, Any]:
        write_arrays(folder, saliency_maps(network, lessons))
        return {}

    def learn(folder: Path) -> dict[str, Any]:
        block_16, block_32 = seen.arrays()
        head, overlap = learn_head((block_16, block_32), lessons, seed=settings.seed)
        write_arrays(folder, (weight.detach().numpy() for weight in head.parameters()))
        return {"overlap with masks kept aside": None if math.isnan(overlap) else overlap}

    needs: dict[str, Any] = {"share": settings.share, "code": code_fingerprint("seeing")}
    seen = steps.keep("saliency-maps", see, needs=needs, after=before)
    needs = {"seed": settings.seed, "code": code_fingerprint("seeing")}
    kept = steps.keep("saliency-head", learn, needs=needs, after=[seen])
    shapes = {tap: found.shape[1] for tap, found in zip((BLOCK_16, BLOCK_32), seen.arrays(), strict=True)}
    head = SaliencyHead(shapes[BLOCK_16], shapes[BLOCK_32])
    with torch.no_grad():
        for weight, array in zip(head.parameters(), kept.arrays(), strict=True):
            weight.copy_(torch.from_numpy(np.array(array)))
    return kept, head.eval()


def learn_axes(
    steps: Steps, before: Sequence[Kept], network: Backbone, head: SaliencyHead, lessons: Lessons
) -> tuple[Kept, tuple[Axes, ...]]:
    """The axes along which the cells of a map are compared, from every so many of the pets."""

    def learn(folder: Path) -> dict[str, Any]:
        axes = cell_axes(network, head, lessons)
        write_arrays(folder, [array for own in axes for array in (own.middle, own.directions)])
        return {}

    kept = steps.keep("axes", learn, needs={"code": code_fingerprint("axes", "seeing")}, after=before)
    arrays = [*map(np.array, kept.arrays())]
    return kept, tuple(Axes(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True))


def read_parts(
    steps: Steps, before: Sequence[Kept], reading: Reading, lessons: Lessons, settings: Settings
) -> tuple[Kept, list[Kept]]:
    """The parts of every photo as it is, and of each changed view of it."""
    photos = len(lessons.pets)

    def read(folder: Path) -> dict[str, Any]:
        write_arrays(folder, parts_of(part_features(*reading), lessons.clean(), photos=photos))
        return {}

    def read_view(folder: Path, seed: int) -> dict[str, Any]:
        changed = changed_views(lessons, STRONG, seed=seed)
        write_arrays(folder, parts_of(part_features(*reading), changed, photos=photos))
        return {}

    needs: dict[str, Any] = {"code": code_fingerprint("seeing", "reading")}
    clean = steps.keep("parts", read, needs=needs, after=before)
    views = []
    for number in range(settings.views):
        seed = settings.seed + 1 + number
        needs = {"seed": seed, "changes": asdict(STRONG), "code": code_fingerprint("seeing", "reading", "views")}
        views.append(steps.keep(f"view-{number + 1}", partial(read_view, seed=seed), needs=needs, after=before))
    return clean, views


def learn_matrix(
    steps: Steps, seen: tuple[Kept, list[Kept]], axes: tuple[Axes, ...], material: Material, settings: Settings
) -> Reader:
    """Means and matrix, from every photo as it is, from changed views of it, and from the albums of animals."""
    clean, views = seen
    mates, breeds = material.split.mates, material.breeds

    def fit(folder: Path) -> dict[str, Any]:
        changed = [view.arrays() for view in views]
        reader = fit_reader(axes, clean.arrays(), changed, mates, breeds, dims=settings.dims)
        write_arrays(folder, [*reader.means, reader.matrix])
        return {"animals of several photos": len(mates)}

    taught = fingerprint([json.dumps([[group.tolist() for group in mates], breeds.tolist()]).encode()])
    needs = {"dims": settings.dims, "mates and breeds": taught, "code": code_fingerprint("matrix")}
    *means, matrix = map(np.array, steps.keep("matrix", fit, needs=needs, after=[clean, *views]).arrays())
    return Reader(axes, tuple(means), matrix)
