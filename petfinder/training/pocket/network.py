"""The backbone: a MobileNetV2 read from an ONNX file, as a torch network whose layers can be trained and exported."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from petfinder.domain.errors import ConfigError

TEXTURE_8 = "conv33r"
BLOCK_16 = "add71"
TEXTURE_16 = "conv73r"
BLOCK_32 = "conv94"
TOP_32 = "conv95r"
TAPS = (TEXTURE_8, BLOCK_16, TEXTURE_16, BLOCK_32, TOP_32)
"""The depths that are read, shallow to deep; the number is the stride in pixels of one cell of the map."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and spread of RGB in 0-1 that the starting network was trained with (its card in the ONNX model zoo)."""

HALF_FROM = 1024
"""Arrays of at least so many numbers are kept as float16 in the file, which halves it."""


@dataclass(frozen=True)
class Layer:
    """One node of the backbone: `Conv` with its kernel and bias, `Clip` to 0-6, or `Add`."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    settings: dict[str, int]

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the kernel and the bias of a convolution."""
        return self.inputs[1:] if self.operator == "Conv" else ()


class Backbone(nn.Module):
    """A chain of convolutions, ReLU6 and residual sums that gives its feature maps at the five `TAPS`."""

    def __init__(self, layers: tuple[Layer, ...], weights: dict[str, NDArray[np.float32]]) -> None:
        super().__init__()
        self.layers = layers
        self.picture = layers[0].inputs[0]
        self.weights = nn.ParameterDict(
            {name: nn.Parameter(torch.from_numpy(array.copy())) for name, array in weights.items()}
        )

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Feature maps by tap name, for normalised pictures (n, 3, h, w) with sides that are multiples of 32."""
        maps = {self.picture: pictures}
        for layer in self.layers:
            first = maps[layer.inputs[0]]
            if layer.operator == "Conv":
                kernel, bias = (self.weights[name] for name in layer.weights)
                maps[layer.output] = F.conv2d(first, kernel, bias, **layer.settings)
            else:
                maps[layer.output] = F.relu6(first) if layer.operator == "Clip" else first + maps[layer.inputs[1]]
        return {tap: maps[tap] for tap in TAPS}

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """A copy of every kernel and bias, by name."""
        return {name: weight.detach().numpy().copy() for name, weight in self.weights.items()}


def read_backbone(file: Path) -> Backbone:
    """The network of an ONNX file (batch norm folded), cut after its last tap.

    Raises ConfigError when the file is no such network: another operator, or a tap that is missing.
    """
    model = onnx.load(file)
    arrays = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    layers: list[Layer] = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Clip", "Add"):
            raise ConfigError(f"{file} has the operator {node.op_type} before {TOP_32}: give it a plain MobileNetV2")
        found = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        settings = {
            "stride": found.get("strides", [1])[0],
            "padding": found.get("pads", [0])[0],
            "groups": found.get("group", 1),
        }
        layers.append(Layer(node.op_type, tuple(node.input), node.output[0], settings))
        if node.output[0] == TOP_32:
            break
    missing = set(TAPS) - {layer.output for layer in layers}
    if missing:
        raise ConfigError(f"{file} lacks the feature maps {sorted(missing)}: give the MobileNetV2 that has them")
    names = [name for layer in layers for name in layer.weights]
    network = Backbone(tuple(layers), {name: arrays[name].astype(np.float32) for name in names})
    return network.to(memory_format=torch.channels_last)  # half the time on a CPU


def as_stored(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array with the precision that the file keeps, so that what is fitted and measured is what is shipped."""
    return array.astype(np.float16).astype(np.float32) if array.size >= HALF_FROM else array.astype(np.float32)


def store_precision(network: nn.Module) -> None:
    """Round every parameter of the network to the precision that the file keeps."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(as_stored(parameter.numpy())))


def normalised(pictures: Tensor) -> Tensor:
    """RGB in 0-1, (n, 3, h, w), on the scale that the backbone was trained with."""
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return (pictures - mean) / std
