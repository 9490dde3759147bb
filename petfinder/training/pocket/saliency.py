"""Where the pet is: a small head on the backbone that learns the masks of a segmentation network.

It replaces that network in the shipped encoder, at almost no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from petfinder.training.pocket.augment import BATCH, Lessons, as_tensor
from petfinder.training.pocket.network import BLOCK_16, BLOCK_32, Backbone, normalised, store_precision

SALIENCY_SIZE = 224
"""Side in pixels of the pictures that the head is trained on; it works at 320 as it is."""

_WIDTH = 16
_EPOCHS = 4
_BATCH = 128
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-4
_CHECK_SHARE = 0.05

HalfArray = NDArray[np.float16]


class SaliencyHead(nn.Module):
    """Two 1x1 convolutions that bring two depths together, and a 3x3 one that says how much of a cell is pet."""

    def __init__(self, channels_16: int, channels_32: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(channels_16, _WIDTH, 1)
        self.coarse = nn.Conv2d(channels_32, _WIDTH, 1)
        self.join = nn.Conv2d(_WIDTH, 1, 3, padding=1)

    def forward(self, maps: dict[str, Tensor]) -> Tensor:
        """The saliency before its sigmoid, (n, 1, h, w) at stride 16."""
        coarse = F.interpolate(self.coarse(maps[BLOCK_32]), scale_factor=2, mode="bilinear", align_corners=False)
        logits: Tensor = self.join(F.relu(self.fine(maps[BLOCK_16]) + coarse))
        return logits


@dataclass(frozen=True)
class SaliencyLesson:
    """What the head learns from: two feature maps of each photo (float16) and its mask (n, h, w) in 0-1."""

    block_16: HalfArray
    block_32: HalfArray
    masks: NDArray[np.float32]

    def at(self, rows: NDArray[np.intp]) -> tuple[dict[str, Tensor], Tensor]:
        """The maps and the masks (n, 1, h, w) of some photos, as the head takes them."""
        maps = {
            BLOCK_16: torch.from_numpy(self.block_16[rows].astype(np.float32)),
            BLOCK_32: torch.from_numpy(self.block_32[rows].astype(np.float32)),
        }
        return maps, torch.from_numpy(self.masks[rows]).unsqueeze(1)


def masks_at(masks: NDArray[np.uint8], cells: int) -> NDArray[np.float32]:
    """Masks (n, 32, 32) with 255 for pet, averaged to (n, cells, cells) in 0-1."""
    shares = torch.from_numpy(masks).float().unsqueeze(1) / 255
    averaged: NDArray[np.float32] = F.adaptive_avg_pool2d(shares, cells).squeeze(1).numpy()
    return averaged


def saliency_maps(network: Backbone, lessons: Lessons) -> list[HalfArray]:
    """The two maps that the head looks at, of photos in which a pet was found and then of other things."""
    pets, others = np.flatnonzero(lessons.places.found), np.arange(len(lessons.others))
    batches = [
        (pictures, rows[at : at + BATCH])
        for pictures, rows in ((lessons.pets, pets), (lessons.others, others))
        for at in range(0, len(rows), BATCH)
    ]
    found: tuple[list[HalfArray], list[HalfArray]] = ([], [])
    size = (SALIENCY_SIZE, SALIENCY_SIZE)
    with torch.inference_mode():
        for pictures, rows in tqdm(batches, unit="batch", leave=False):
            smaller = F.interpolate(as_tensor(pictures[rows]), size=size, mode="bilinear", antialias=True)
            maps = network(normalised(smaller))
            for kept, tap in zip(found, (BLOCK_16, BLOCK_32), strict=True):
                kept.append(maps[tap].contiguous().numpy().astype(np.float16))
    return [np.concatenate(kept) for kept in found]


def learn_head(maps: Sequence[HalfArray], lessons: Lessons, *, seed: int) -> tuple[SaliencyHead, float]:
    """The head that `saliency_maps` teach, and its overlap with the masks of photos kept aside."""
    block_16, block_32 = maps
    pets = np.flatnonzero(lessons.places.found)
    masks = np.zeros((len(block_16), *block_16.shape[2:]), np.float32)
    masks[: len(pets)] = masks_at(lessons.places.masks[pets], block_16.shape[2])
    order = np.random.default_rng(seed).permutation(len(masks))
    aside = max(1, int(len(order) * _CHECK_SHARE))
    checked, taught = (
        SaliencyLesson(block_16[rows], block_32[rows], masks[rows]) for rows in (order[:aside], order[aside:])
    )
    head = train_saliency(taught, seed=seed)
    return head, overlap(head, checked)


def train_saliency(lesson: SaliencyLesson, *, seed: int) -> SaliencyHead:
    """A head that predicts the masks of the lesson; the same lesson and seed give the same head."""
    torch.manual_seed(seed)
    head = SaliencyHead(lesson.block_16.shape[1], lesson.block_32.shape[1])
    photos = len(lesson.masks)
    batches = -(-photos // _BATCH)
    optimiser = torch.optim.AdamW(head.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_LEARNING_RATE, total_steps=batches * _EPOCHS + 1)
    draw = np.random.default_rng(seed)
    for _ in range(_EPOCHS):
        for rows in np.array_split(draw.permutation(photos), batches):
            maps, masks = lesson.at(rows)
            loss = F.binary_cross_entropy_with_logits(head(maps), masks)
            optimiser.zero_grad()
            torch.autograd.backward([loss])
            optimiser.step()
            schedule.step()
    store_precision(head)
    return head.eval()


def overlap(head: SaliencyHead, lesson: SaliencyLesson) -> float:
    """Mean intersection over union at 0.5 between predicted and known masks, for photos with a pet."""
    with torch.inference_mode():
        maps, masks = lesson.at(np.arange(len(lesson.masks)))
        predicted, known = head(maps) > 0, masks > 0.5
    both = (predicted & known).sum(dim=(1, 2, 3))
    either = (predicted | known).sum(dim=(1, 2, 3))
    with_pet = known.any(dim=3).any(dim=2).squeeze(1)
    return float((both[with_pet] / either[with_pet]).mean())
