"""The encoder as a file, and the reading of features with the same graph.

Knows ONNX and onnxruntime; what goes into the graph is decided elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from petfinder.training.graph import (
    EMBEDDINGS,
    MASKS,
    PICTURES,
    Graph,
    add_backbone,
    add_parts,
    add_reader,
    add_saliency,
)
from petfinder.training.network import BLOCK_16, BLOCK_32, Backbone
from petfinder.training.photos_on_disk import PICTURE_SIZE, Pictures
from petfinder.training.reading import PARTS, Pocket, Reader
from petfinder.training.saliency import SaliencyHead

Array = NDArray[np.float32]

MODEL_NOTES = {
    "licence": "Apache-2.0",
    "made with": "python -m petfinder.training",
    "started from": "MobileNetV2 1.0, ONNX model zoo mobilenetv2-7, Apache-2.0",
    "pictures": "upright, RGB, the whole photo squashed with Pillow's bicubic filter",
}
"""Kept inside the file, so that it can be told where it comes from when it travels alone."""


@dataclass(frozen=True)
class Encoder:
    """Everything that the shipped file is made of."""

    backbone: Backbone
    head: SaliencyHead
    reader: Reader


class FeatureGraph:
    """A graph in onnxruntime that reads features off pictures; `outputs` in their order, as many threads as torch."""

    def __init__(self, model: onnx.ModelProto, outputs: Sequence[str]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.outputs = list(outputs)
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def read(self, pictures: Pictures) -> list[Array]:
        """The outputs for pictures (n, size, size, 3) uint8."""
        found: list[Array] = self.session.run(self.outputs, {PICTURES: pictures})
        return found

    def read_under(self, pictures: Pictures, masks: Array) -> list[Array]:
        """The outputs for pictures and the masks (n, 1, size / 16, size / 16) in 0-1 that show their pets."""
        found: list[Array] = self.session.run(self.outputs, {PICTURES: pictures, MASKS: masks})
        return found


def saliency_features(backbone: Backbone, size: int) -> FeatureGraph:
    """Reads the two maps that the saliency head looks at."""
    graph = Graph()
    maps = add_backbone(graph, backbone)
    graph.name_output(maps[BLOCK_16], BLOCK_16)
    graph.name_output(maps[BLOCK_32], BLOCK_32)
    shapes = {name: ["N", "channels_" + name, "rows_" + name, "columns_" + name] for name in (BLOCK_16, BLOCK_32)}
    return FeatureGraph(graph.model(size, shapes), [BLOCK_16, BLOCK_32])


def part_features(backbone: Backbone, head: SaliencyHead, size: int = PICTURE_SIZE) -> FeatureGraph:
    """Reads the pooled parts of the embedding, before centring."""
    graph = Graph()
    maps = add_backbone(graph, backbone)
    return _parts_graph(graph, add_parts(graph, maps, add_saliency(graph, head, maps)), size)


def part_features_under_masks(backbone: Backbone, size: int = PICTURE_SIZE) -> FeatureGraph:
    """Reads the pooled parts under masks that are given, where there is no saliency head yet."""
    graph = Graph()
    names = add_parts(graph, add_backbone(graph, backbone), MASKS)
    return _parts_graph(graph, names, size)


def _parts_graph(graph: Graph, names: Sequence[str], size: int) -> FeatureGraph:
    for part, name in zip(PARTS, names, strict=True):
        graph.name_output(name, part.tap)
    taps = [part.tap for part in PARTS]
    return FeatureGraph(graph.model(size, {tap: ["N", "channels_" + tap] for tap in taps}), taps)


def encoder_model(encoder: Encoder, size: int = PICTURE_SIZE) -> onnx.ModelProto:
    """The whole encoder: `pictures` uint8 (N, size, size, 3) RGB in, `embeddings` float32 (N, dims) out."""
    graph = Graph()
    maps = add_backbone(graph, encoder.backbone)
    parts = add_parts(graph, maps, add_saliency(graph, encoder.head, maps))
    graph.name_output(add_reader(graph, parts, encoder.reader), EMBEDDINGS)
    model = graph.model(size, {EMBEDDINGS: ["N", encoder.reader.matrix.shape[1]]})
    onnx.helper.set_model_props(model, MODEL_NOTES)
    return model


def write_encoder(encoder: Encoder, to: Path) -> None:
    """Write the encoder's file; a reader of `to` sees the old file or the new one, never half of one."""
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.with_suffix(".unfinished")
    unfinished.write_bytes(encoder_model(encoder).SerializeToString(deterministic=True))
    unfinished.replace(to)


def embed(file: Path, pictures: Pictures, *, batch: int = 16) -> Array:
    """Embeddings (n, dims) of pictures (n, 320, 320, 3) by an encoder's file."""
    graph = FeatureGraph(onnx.load(file), [EMBEDDINGS])
    return np.concatenate([graph.read(pictures[at : at + batch])[0] for at in range(0, len(pictures), batch)])


def difference_from_torch(encoder: Encoder, file: Path, pictures: Pictures) -> float:
    """The largest difference of any number in any embedding between the file and the torch network."""
    with torch.inference_mode():
        expected = Pocket(encoder.backbone, encoder.head, encoder.reader)(torch.from_numpy(np.array(pictures)))
    return float(np.abs(embed(file, pictures) - expected.numpy()).max())
