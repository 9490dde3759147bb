"""The encoder as a file, and the reading of features with the same graph."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from petfinder.training.pocket.graph import (
    EMBEDDINGS,
    MASKS,
    PICTURES,
    Graph,
    add_averages,
    add_backbone,
    add_covariances,
    add_reader,
    add_rooted,
    add_saliency,
    add_weights,
)
from petfinder.training.pocket.network import BLOCK_16, BLOCK_32, Backbone
from petfinder.training.pocket.photos_on_disk import PICTURE_SIZE, Pictures
from petfinder.training.pocket.reader import AVERAGES, COVARIANCES, PARTS, Axes, Part, Pocket, Reader
from petfinder.training.pocket.saliency import SaliencyHead

Array = NDArray[np.float32]

MODEL_NOTES = {
    "licence": "Apache-2.0",
    "made with": "python -m petfinder.training.pocket",
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


def cell_features(backbone: Backbone, head: SaliencyHead, size: int = PICTURE_SIZE) -> FeatureGraph:
    """Reads the maps whose covariance is taken, in the order of `COVARIANCES`, each followed by its saliency."""
    graph = Graph()
    maps = add_backbone(graph, backbone)
    weights = add_weights(graph, add_saliency(graph, head, maps))
    shapes = {}
    for part in COVARIANCES:
        for value, name in ((maps[part.tap], part.tap), (weights[part.tap], f"{part.tap}_saliency")):
            graph.name_output(value, name)
            shapes[name] = ["N", f"channels_{name}", f"rows_{part.tap}", f"columns_{part.tap}"]
    return FeatureGraph(graph.model(size, shapes), list(shapes))


def part_features(
    backbone: Backbone, head: SaliencyHead, axes: Sequence[Axes], size: int = PICTURE_SIZE
) -> FeatureGraph:
    """Reads the parts of the embedding, before centring."""
    graph = Graph()
    return _parts_graph(graph, _add_parts(graph, backbone, head, axes), PARTS, size)


def part_features_under_masks(backbone: Backbone, size: int = PICTURE_SIZE) -> FeatureGraph:
    """Reads the averages under masks that are given, where there is no saliency head yet."""
    graph = Graph()
    names = add_averages(graph, add_backbone(graph, backbone), add_weights(graph, MASKS))
    return _parts_graph(graph, names, AVERAGES, size)


def _add_parts(graph: Graph, backbone: Backbone, head: SaliencyHead, axes: Sequence[Axes]) -> list[str]:
    maps = add_backbone(graph, backbone)
    weights = add_weights(graph, add_saliency(graph, head, maps))
    parts = [*add_averages(graph, maps, weights), *add_covariances(graph, maps, weights, axes)]
    return add_rooted(graph, parts)


def _parts_graph(graph: Graph, names: Sequence[str], parts: Sequence[Part], size: int) -> FeatureGraph:
    for part, name in zip(parts, names, strict=True):
        graph.name_output(name, part.name)
    return FeatureGraph(
        graph.model(size, {part.name: ["N", f"channels_{part.name}"] for part in parts}), [part.name for part in parts]
    )


def encoder_model(encoder: Encoder) -> onnx.ModelProto:
    """The whole encoder: `pictures` uint8 (N, height, width, 3) RGB in, `embeddings` float32 (N, dims) out.

    Made for pictures of 320 x 320; other multiples of 32 give embeddings in the same space.
    """
    graph = Graph()
    parts = _add_parts(graph, encoder.backbone, encoder.head, encoder.reader.axes)
    graph.name_output(add_reader(graph, parts, encoder.reader), EMBEDDINGS)
    model = graph.model(None, {EMBEDDINGS: ["N", encoder.reader.matrix.shape[1]]})
    onnx.helper.set_model_props(model, MODEL_NOTES)
    return model


def write_encoder(encoder: Encoder, to: Path) -> None:
    """Write the encoder's file; a reader of `to` sees the old file or the new one, never half of one."""
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.with_suffix(".unfinished")
    unfinished.write_bytes(encoder_model(encoder).SerializeToString(deterministic=True))
    unfinished.replace(to)


def embed(file: Path, pictures: Pictures, *, batch: int = 16) -> Array:
    """Embeddings (n, dims) of pictures (n, 320, 320, 3), or of another size, by an encoder's file."""
    graph = FeatureGraph(onnx.load(file), [EMBEDDINGS])
    return np.concatenate([graph.read(pictures[at : at + batch])[0] for at in range(0, len(pictures), batch)])


def difference_from_torch(encoder: Encoder, file: Path, pictures: Pictures) -> float:
    """The largest difference of any number in any embedding between the file and the torch network."""
    with torch.inference_mode():
        expected = Pocket(encoder.backbone, encoder.head, encoder.reader)(torch.from_numpy(np.array(pictures)))
    return float(np.abs(embed(file, pictures) - expected.numpy()).max())
