"""Where the pet is: a small head on the backbone that learns the masks of a segmentation network.

It replaces that network in the shipped encoder, at almost no cost.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from petfinder.training.pocket.augment import BATCH, Lessons, as_tensor
from petfinder.training.pocket.network import BLOCK_16, BLOCK_32, Backbone, store_precision

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
    size, found = (SALIENCY_SIZE, SALIENCY_SIZE), []
    with torch.inference_mode():
        for pictures, rows in tqdm(batches, unit="batch", leave=False):
            smaller = F.interpolate(as_tensor(pictures[rows]), size=size, mode="bilinear", antialias=True)
            maps = network(smaller)
            found.append([maps[tap].contiguous().numpy().astype(np.float16) for tap in (BLOCK_16, BLOCK_32)])
    return [np.concatenate(maps) for maps in zip(*found, strict=True)]


def learn_head(maps: Sequence[HalfArray], lessons: Lessons, *, seed: int) -> tuple[SaliencyHead, float]:
    """The head that `saliency_maps` teach, and its overlap with the masks of photos kept aside.

    The same maps and seed give the same head. The overlap is the mean intersection over union of photos with a pet.
    """
    pets = np.flatnonzero(lessons.places.found)
    masks = np.zeros((len(maps[0]), *maps[0].shape[2:]), np.float32)
    masks[: len(pets)] = masks_at(lessons.places.masks[pets], masks.shape[1])

    def at(rows: NDArray[np.intp]) -> tuple[dict[str, Tensor], Tensor]:
        fine, coarse = (torch.from_numpy(found[rows].astype(np.float32)) for found in maps)
        return {BLOCK_16: fine, BLOCK_32: coarse}, torch.from_numpy(masks[rows]).unsqueeze(1)

    order = np.random.default_rng(seed).permutation(len(masks))
    aside = max(1, int(len(order) * _CHECK_SHARE))
    taught, draw = order[aside:], np.random.default_rng(seed)
    torch.manual_seed(seed)
    head = SaliencyHead(*(found.shape[1] for found in maps))
    batches = -(-len(taught) // _BATCH)
    optimiser = torch.optim.AdamW(head.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_LEARNING_RATE, total_steps=batches * _EPOCHS + 1)
    for _ in range(_EPOCHS):
        for rows in np.array_split(draw.permutation(taught), batches):
            inputs, wanted = at(rows)
            optimiser.zero_grad()
            torch.autograd.backward([F.binary_cross_entropy_with_logits(head(inputs), wanted)])
            optimiser.step()
            schedule.step()
    store_precision(head)
    inputs, wanted = at(order[:aside])
    return head.eval(), _overlap(head, inputs, wanted > 0.5)


def _overlap(head: SaliencyHead, maps: dict[str, Tensor], masks: Tensor) -> float:
    with torch.inference_mode():
        predicted = head(maps) > 0
    both, either = (found.sum(dim=(1, 2, 3)) for found in (predicted & masks, predicted | masks))
    with_pet = masks.flatten(1).any(dim=1)
    return float((both[with_pet] / either[with_pet]).mean())
