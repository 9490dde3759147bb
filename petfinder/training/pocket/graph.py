"""The encoder written down as an ONNX graph, piece by piece: pictures in, maps, saliency, parts, embedding out.

The same pieces make the shipped file and the graphs that read features while training, so both see the same numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from petfinder.training.pocket.network import (
    BLOCK_16,
    BLOCK_32,
    HALF_FROM,
    IMAGENET_MEAN,
    IMAGENET_STD,
    TEXTURE_8,
    TEXTURE_16,
    TOP_32,
    Backbone,
)
from petfinder.training.pocket.reader import AVERAGES, COVARIANCES, PARTS, ROOT_FLOOR, Axes, Part, Reader
from petfinder.training.pocket.saliency import SaliencyHead

OPSET = 17
IR_VERSION = 8
PICTURES = "pictures"
MASKS = "masks"
EMBEDDINGS = "embeddings"
_TINY = 1e-12


class Graph:
    """An ONNX graph in the making; each call adds one node or weight and gives the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, operator: str, inputs: Sequence[str], settings: Mapping[str, Any] | None = None) -> str:
        """Add one operator with one output."""
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **(settings or {})))
        return output

    def weight(self, array: NDArray[Any]) -> str:
        """Add a constant as it is."""
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def stored_weight(self, array: NDArray[np.float32]) -> str:
        """Add a weight; a large one is kept as float16 and computed with as float32."""
        if array.size < HALF_FROM:
            return self.weight(array.astype(np.float32))
        return self.node("Cast", [self.weight(array.astype(np.float16))], {"to": TensorProto.FLOAT})

    def model(self, size: int | None, outputs: Mapping[str, Sequence[int | str]]) -> onnx.ModelProto:
        """The finished model: input `pictures` uint8 (N, size, size, 3), outputs float32 by name and shape.

        Where a node reads `masks`, they are a second input, float32 (N, 1, size / 16, size / 16). Without a size,
        pictures may have any height and width that are multiples of 32.
        """
        sides = ["height", "width"] if size is None else [size, size]
        cells = ["mask_rows", "mask_columns"] if size is None else [size // 16, size // 16]
        given = [helper.make_tensor_value_info(PICTURES, TensorProto.UINT8, ["N", *sides, 3])]
        if any(MASKS in node.input for node in self.nodes):
            given.append(helper.make_tensor_value_info(MASKS, TensorProto.FLOAT, ["N", 1, *cells]))
        found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
        graph = helper.make_graph(self.nodes, "pocket", given, found, self.weights)
        model = helper.make_model(graph, producer_name="petfinder", ir_version=IR_VERSION)
        del model.opset_import[:]
        model.opset_import.append(helper.make_opsetid("", OPSET))
        onnx.checker.check_model(model, full_check=True)
        return model

    def name_output(self, value: str, name: str) -> None:
        """Give a value the name of an output."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))


def add_backbone(graph: Graph, backbone: Backbone) -> dict[str, str]:
    """Add normalisation and backbone; gives the names of its feature maps."""
    scale = 1 / (255 * np.array(IMAGENET_STD))
    shift = np.array(IMAGENET_MEAN) / np.array(IMAGENET_STD)
    floats = graph.node("Cast", [PICTURES], {"to": TensorProto.FLOAT})
    scaled = graph.node("Mul", [floats, graph.weight(scale.astype(np.float32))])
    shifted = graph.node("Sub", [scaled, graph.weight(shift.astype(np.float32))])
    maps = {backbone.picture: graph.node("Transpose", [shifted], {"perm": [0, 3, 1, 2]})}
    arrays = backbone.arrays()
    low, high = graph.weight(np.array(0, np.float32)), graph.weight(np.array(6, np.float32))
    for layer in backbone.layers:
        inputs = [maps[name] for name in layer.inputs]
        if layer.kind == "conv":
            kernel = arrays[layer.weights[0]]
            weights = [graph.stored_weight(kernel), graph.stored_weight(arrays[layer.weights[1]])]
            maps[layer.output] = graph.node(
                "Conv", inputs + weights, _conv(kernel.shape[2], layer.stride, layer.padding, layer.groups)
            )
        elif layer.kind == "relu6":
            maps[layer.output] = graph.node("Clip", [inputs[0], low, high])
        else:
            maps[layer.output] = graph.node("Add", inputs)
    return maps


def add_saliency(graph: Graph, head: SaliencyHead, maps: Mapping[str, str]) -> str:
    """Add the saliency head; gives the name of the saliency in 0-1, (N, 1, h, w) at stride 16."""
    fine, coarse, join = (
        [p.detach().numpy() for p in conv.parameters()] for conv in (head.fine, head.coarse, head.join)
    )
    upper = graph.node("Conv", [maps[BLOCK_16], *map(graph.stored_weight, fine)], _conv(1))
    lower = graph.node("Conv", [maps[BLOCK_32], *map(graph.stored_weight, coarse)], _conv(1))
    met = graph.node("Relu", [graph.node("Add", [upper, _doubled(graph, lower)])])
    logits = graph.node("Conv", [met, *map(graph.stored_weight, join)], _conv(3, padding=1))
    return graph.node("Sigmoid", [logits])


def add_weights(graph: Graph, saliency: str) -> dict[str, str]:
    """Add the saliency at the stride of each map that is read; gives its names by tap."""
    halved = graph.node("AveragePool", [saliency], {"kernel_shape": [2, 2], "strides": [2, 2]})
    return {TOP_32: halved, TEXTURE_16: saliency, TEXTURE_8: _doubled(graph, saliency)}


def add_averages(graph: Graph, maps: Mapping[str, str], weights: Mapping[str, str]) -> list[str]:
    """Add the averages under the saliency; gives the names of these parts, unit length, (N, channels)."""
    column = graph.weight(np.array([0, -1, 1], np.int64))
    row = graph.weight(np.array([0, -1], np.int64))
    parts = []
    for part in AVERAGES:
        weight = graph.node("Reshape", [_floored(graph, weights[part.tap], part), column])
        total = graph.node("MatMul", [_cells(graph, maps[part.tap]), weight])
        parts.append(_unit(graph, graph.node("Reshape", [total, row])))
    return parts


def add_covariances(
    graph: Graph, maps: Mapping[str, str], weights: Mapping[str, str], axes: Sequence[Axes]
) -> list[str]:
    """Add the covariances under the saliency; gives the names of these parts, unit length, (N, pairs of axes)."""
    row = graph.weight(np.array([0, -1], np.int64))
    parts = []
    for part, own in zip(COVARIANCES, axes, strict=True):
        kernel = np.ascontiguousarray(own.directions.T)[:, :, None, None]
        away = graph.weight(-(own.middle @ own.directions))
        cells = _cells(graph, graph.node("Conv", [maps[part.tap], graph.stored_weight(kernel), away], _conv(1)))
        weighted = graph.node("Mul", [cells, _cells(graph, _floored(graph, weights[part.tap], part))])
        turned = graph.node("Transpose", [cells], {"perm": [0, 2, 1]})
        square = graph.node("Reshape", [graph.node("MatMul", [weighted, turned]), row])
        rows, columns = np.triu_indices(len(kernel))
        upper = graph.weight((rows * len(kernel) + columns).astype(np.int64))
        parts.append(_unit(graph, graph.node("Gather", [square, upper], {"axis": 1})))
    return parts


def add_rooted(graph: Graph, parts: Sequence[str]) -> list[str]:
    """Add the signed square root of each part, unit length."""
    floor = graph.weight(np.array(ROOT_FLOOR, np.float32))
    sizes = (graph.node("Add", [graph.node("Abs", [part]), floor]) for part in parts)
    roots = [graph.node("Sqrt", [size]) for size in sizes]
    return [_unit(graph, graph.node("Div", [part, root])) for part, root in zip(parts, roots, strict=True)]


def add_reader(graph: Graph, parts: Sequence[str], reader: Reader) -> str:
    """Add centring and matrix; gives the name of the embeddings, unit length, (N, dims)."""
    centred = [
        graph.node(
            "Mul",
            [
                _unit(graph, graph.node("Sub", [name, graph.weight(mean)])),
                graph.weight(np.array(part.share, np.float32)),
            ],
        )
        for name, mean, part in zip(parts, reader.means, PARTS, strict=True)
    ]
    joined = graph.node("Concat", centred, {"axis": 1})
    return _unit(graph, graph.node("MatMul", [joined, graph.stored_weight(reader.matrix)]))


def _floored(graph: Graph, weight: str, part: Part) -> str:
    return graph.node("Add", [weight, graph.weight(np.array(part.floor, np.float32))])


def _cells(graph: Graph, value: str) -> str:
    """A map (N, channels, h, w) as (N, channels, cells)."""
    return graph.node("Reshape", [value, graph.weight(np.array([0, 0, -1], np.int64))])


def _conv(kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> dict[str, Any]:
    return {
        "kernel_shape": [kernel, kernel],
        "strides": [stride, stride],
        "pads": [padding] * 4,
        "group": groups,
    }


def _doubled(graph: Graph, value: str) -> str:
    scales = graph.weight(np.array([1, 1, 2, 2], np.float32))
    settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return graph.node("Resize", [value, "", scales], settings)


def _unit(graph: Graph, value: str) -> str:
    length = graph.node("ReduceL2", [value], {"axes": [1], "keepdims": 1})
    safe = graph.node("Max", [length, graph.weight(np.array(_TINY, np.float32))])
    return graph.node("Div", [value, safe])
