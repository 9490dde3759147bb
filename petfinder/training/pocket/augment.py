"""The photos that teach, and changed views of them, as another camera, place or hour might have taken them."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from petfinder.domain.pets import Box
from petfinder.training.pocket import conditions
from petfinder.training.pocket.conditions import CONDITIONS
from petfinder.training.pocket.photos import PetPlaces, Pictures

BATCH = 16

_AROUND_PET = (0.3, 1.0)
_CENTRE_JITTER = 0.08
_WARP = 0.06
_WARP_FIELD = 4
_NOISE = 0.03
_EDGE_SHARPNESS = 8.0


@dataclass(frozen=True)
class Changes:
    """How strongly views differ. Pairs are ranges; `..._share` is the share of views that are changed so."""

    area: tuple[float, float]
    aspect: float
    degrees: float
    exposure: float
    gains: float
    contrast: float
    turned_share: float = 0.5
    mirrored_share: float = 0.5
    warped_share: float = 0.0
    background_share: float = 0.0
    dark_share: float = 0.0
    blurred_share: float = 0.0
    covered_share: float = 0.0


STRONG = Changes(
    area=(0.3, 1.0), aspect=0.3, degrees=14, exposure=0.3, gains=0.08, contrast=0.25,
    warped_share=0.5, background_share=0.5, dark_share=0.12, blurred_share=0.2, covered_share=0.2,
)  # fmt: skip
"""For the scatter that the matrix is fitted on."""

CONDITIONED = (
    "half the size", "a quarter of the size", "tight crop", "loose crop", "dark", "backlit", "motion blur",
    "partly hidden", "photo of a screen", "photo of a poster",
)  # fmt: skip
"""The conditions under which photos are read once more for the scatter, one each."""

MILD = Changes(area=(0.3, 0.6), aspect=0.12, degrees=7, exposure=0.15, gains=0.04, contrast=0.12, background_share=0.3)
"""For the light training of the network: crops of 0.3-0.6 of a 320 px picture seen at 192 px keep its scale."""


@dataclass(frozen=True)
class Lessons:
    """Pictures (n, s, s, 3) of pets and their places, row by row, and pictures of other things (m, s, s, 3)."""

    pets: Pictures
    places: PetPlaces
    others: Pictures

    def clean(self) -> Iterator[Pictures]:
        """All pets as they are, in order and in batches."""
        return (self.pets[at : at + BATCH] for at in range(0, len(self.pets), BATCH))

    def scene(self, rows: NDArray[np.intp], draw: np.random.Generator) -> "Scene":
        """Some of the pets, each with a background drawn from the pictures of other things."""
        behind = draw.integers(len(self.others), size=len(rows))
        masks = torch.from_numpy(self.places.masks[rows]).unsqueeze(1).float() / 255
        boxes = torch.from_numpy(self.places.boxes[rows])
        return Scene(as_tensor(self.pets[rows]), masks, boxes, as_tensor(self.others[behind]))

    def changed(self, changes: Changes, *, seed: int) -> Iterator[Pictures]:
        """One changed view of every pet, in order and in batches; the same seed gives the same views."""
        draw, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        for at in range(0, len(self.pets), BATCH):
            rows = np.arange(at, min(at + BATCH, len(self.pets)))
            views, _ = change(self.scene(rows, draw), changes, self.pets.shape[1], random)
            yield (views.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).contiguous().numpy()

    def conditioned(self, *, seed: int) -> Iterator[Pictures]:
        """Every pet under one condition that is drawn for it, in order and in batches; alike for the same seed."""
        draw = np.random.default_rng(seed)
        behind = draw.integers(len(self.others), size=len(self.pets))
        found = self.places.found  # looks at all masks

        def seen(row: int) -> Pictures:
            left, top, right, bottom = (float(edge) for edge in self.places.boxes[row])
            box = Box(x=left, y=top, w=right - left, h=bottom - top) if found[row] else None
            return self._under_condition(row, int(behind[row]), box, seed)

        with ThreadPoolExecutor(2) as pool:
            for at in range(0, len(self.pets), BATCH):
                yield np.stack([*pool.map(seen, range(at, min(at + BATCH, len(self.pets))))])

    def _under_condition(self, row: int, behind: int, box: Box | None, seed: int) -> Pictures:
        draw = np.random.default_rng((seed, row))
        possible = [one for one in CONDITIONS if one.name in CONDITIONED and (box or not one.needs_pet)]
        mask = self.places.masks[row].astype(np.float32) / np.float32(255)
        picture, place = (Image.fromarray(np.array(one)) for one in (self.pets[row], self.others[behind]))
        scene = conditions.Scene(picture, mask, box, place, int(draw.integers(1 << 30)))
        seen = possible[int(draw.integers(len(possible)))].change(scene)
        return np.asarray(seen.convert("RGB").resize(picture.size, Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Scene:
    """A batch to be changed: pictures (n, 3, s, s) in 0-1, masks (n, 1, m, m) in 0-1, boxes (n, 4) in 0-1.

    `backgrounds` (n, 3, s, s) are pictures of other things, one to each.
    """

    pictures: Tensor
    masks: Tensor
    boxes: Tensor
    backgrounds: Tensor


def as_tensor(pictures: Pictures) -> Tensor:
    """Pictures (n, s, s, 3) uint8 as (n, 3, s, s) in 0-1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 255


def change(scene: Scene, changes: Changes, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """One view of each picture (n, 3, size, size) in 0-1, and the pet's mask in it (n, 1, size, size)."""
    grid = _grid(scene.boxes, changes, size, random)
    views = F.grid_sample(scene.pictures, grid, padding_mode="reflection", align_corners=False)
    masks = F.grid_sample(scene.masks, grid, padding_mode="zeros", align_corners=False)
    views = _other_place(views, masks, scene.backgrounds, changes, random)
    views = _other_light(views, changes, random)
    views = _blurred(views, changes, random)
    return _covered(views, changes, random).clamp(0, 1), masks


def _between(low: float, high: float, shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=random) * (high - low) + low


def _some(share: float, count: int, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random) < share


def _grid(boxes: Tensor, changes: Changes, size: int, random: torch.Generator) -> Tensor:
    """Where each pixel of the view looks in the picture, (n, size, size, 2) in -1..1: crop, turn, mirror, warp."""
    count = len(boxes)
    side = _between(*changes.area, (count,), random).sqrt()
    stretch = _between(-changes.aspect / 2, changes.aspect / 2, (count,), random).exp()
    sides = torch.stack([side * stretch, side / stretch], dim=1).clamp(max=1)
    pet = (boxes[:, :2] + boxes[:, 2:]) / 2
    anywhere = sides / 2 + torch.rand((count, 2), generator=random) * (1 - sides)
    towards = _between(*_AROUND_PET, (count, 1), random)
    centre = towards * pet + (1 - towards) * anywhere
    centre = centre + _between(-_CENTRE_JITTER, _CENTRE_JITTER, (count, 2), random)
    centre = torch.minimum(torch.maximum(centre, sides / 2), 1 - sides / 2)

    angle = _between(-changes.degrees, changes.degrees, (count,), random) * (math.pi / 180)
    angle = angle * _some(changes.turned_share, count, random)
    mirror = 1 - 2 * _some(changes.mirrored_share, count, random).float()
    across = torch.stack([angle.cos() * mirror, -angle.sin()], dim=1) * sides[:, :1]
    down = torch.stack([angle.sin() * mirror, angle.cos()], dim=1) * sides[:, 1:]
    turn = torch.stack([across, down], dim=1)
    grid = F.affine_grid(torch.cat([turn, (2 * centre - 1).unsqueeze(2)], dim=2), [count, 1, size, size], False)

    field = _between(-_WARP, _WARP, (count, 2, _WARP_FIELD, _WARP_FIELD), random)
    field = field * _some(changes.warped_share, count, random).view(-1, 1, 1, 1)
    warp = F.interpolate(field, size=(size, size), mode="bicubic", align_corners=True)
    return grid + warp.permute(0, 2, 3, 1)


def _other_place(
    views: Tensor, masks: Tensor, backgrounds: Tensor, changes: Changes, random: torch.Generator
) -> Tensor:
    """Some of the views with another photo behind the pet; views that show no pet stay as they are."""
    chosen = _some(changes.background_share, len(views), random) & (masks.amax(dim=(1, 2, 3)) > 0.5)
    if chosen.any():
        places = F.interpolate(backgrounds[chosen], size=views.shape[2:], mode="bilinear", align_corners=False)
        pet = torch.sigmoid(_EDGE_SHARPNESS * (masks[chosen] - 0.5))
        views[chosen] = pet * views[chosen] + (1 - pet) * places
    return views


def _other_light(views: Tensor, changes: Changes, random: torch.Generator) -> Tensor:
    """Exposure, colour cast, contrast and saturation; some of the views as in the dark, with noise."""
    count = len(views)
    exposure = _between(-changes.exposure, changes.exposure, (count, 1, 1, 1), random).exp()
    gains = _between(-changes.gains, changes.gains, (count, 3, 1, 1), random).exp()
    contrast = _between(-changes.contrast, changes.contrast, (count, 1, 1, 1), random).exp()
    saturation = _between(-changes.contrast, changes.contrast, (count, 1, 1, 1), random).exp()
    views = views * (exposure * gains)
    grey = views.mean(dim=1, keepdim=True)
    level = grey.mean(dim=(2, 3), keepdim=True)
    views = (grey + (views - grey) * saturation - level) * contrast + level
    dark = _some(changes.dark_share, count, random)
    if dark.any():
        chosen = views[dark].clamp(0, 1)
        gamma = _between(1.2, 2.0, (len(chosen), 1, 1, 1), random)
        dimmed = chosen.pow(gamma) * _between(0.5, 1.0, (len(chosen), 1, 1, 1), random)
        views[dark] = dimmed + _NOISE * torch.randn(dimmed.shape, generator=random)
    return views


def _blurred(views: Tensor, changes: Changes, random: torch.Generator) -> Tensor:
    """Some of the views with the detail of a smaller picture, all of one batch by the same factor."""
    chosen = _some(changes.blurred_share, len(views), random)
    smaller = max(1, int(views.shape[2] * float(_between(0.3, 0.8, (1,), random))))
    if chosen.any():
        small = F.interpolate(views[chosen], size=(smaller, smaller), mode="bilinear", antialias=True)
        views[chosen] = F.interpolate(small, size=views.shape[2:], mode="bilinear", align_corners=False)
    return views


def _covered(views: Tensor, changes: Changes, random: torch.Generator) -> Tensor:
    """Some of the views with a rectangle of one colour over them, of 15-45 % of each side."""
    size = views.shape[2]
    for place in torch.nonzero(_some(changes.covered_share, len(views), random)).flatten().tolist():
        height, width = (int(size * float(side)) for side in _between(0.15, 0.45, (2,), random))
        top, left = (int(float(at) * (size - max(height, width))) for at in torch.rand(2, generator=random))
        colour = torch.rand((3, 1, 1), generator=random)
        views[place, :, top : top + height, left : left + width] = colour
    return views
