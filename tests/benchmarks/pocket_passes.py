"""What a look at a photo costs: the built-in encoder's pass, with the mirror image too, and bare.

`python tests/benchmarks/pocket_passes.py [ROUNDS] [EARLIER.onnx]` prints milliseconds a photo (median of rounds in
which every pass has its turn), processor time of all threads likewise, and each as a multiple of the plain pass on one
thread; the clock's is of use on a machine that does nothing else. Bare is the same network cut after its last feature
map: no saliency, no pooling, no matrix. Only the network is timed; squashing the photo is a line of its own. EARLIER
are weights of an earlier version, whose pass is timed in the same rounds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from PIL import Image

from petfinder.encoders.pocket import SIDE, WEIGHTS
from tests.benchmarks.common import Step, compared, in_turns, print_table

PHOTO = (960, 720)  # about what a phone's photo is reduced to before it is encoded
PLAIN = "pass, threads: 1"


def network_pass(model: onnx.ModelProto, *, threads: int, count: int = 1) -> Step:
    """A pass of onnxruntime over pictures of noise: the network's time does not depend on what it sees."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    pictures = np.random.default_rng(2).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    return lambda _: session.run(None, {"pictures": pictures})


def backbone_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network cut after its last feature map; what nothing leads to any more, onnxruntime leaves out."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    last = [node.output[0] for node in cut.graph.node if node.op_type == "Clip"][-1]
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(last, TensorProto.FLOAT, None))
    return cut


def main(rounds: int = 30, earlier: Path | None = None) -> None:
    model, photo = onnx.load(WEIGHTS), Image.effect_noise(PHOTO, 60).convert("RGB")
    steps: dict[str, Step] = {}
    for threads in (1, 2):
        steps[f"pass, threads: {threads}"] = network_pass(model, threads=threads)
        steps[f"bare backbone, threads: {threads}"] = network_pass(backbone_of(model), threads=threads)
        if earlier is not None:
            steps[f"earlier weights, threads: {threads}"] = network_pass(onnx.load(earlier), threads=threads)
    steps["with its mirror image, threads: 1"] = network_pass(model, threads=1, count=2)
    steps[f"squashing {PHOTO[0]} x {PHOTO[1]} to {SIDE}"] = lambda _: photo.resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    print(f"{WEIGHTS.name}, {rounds} rounds")
    print_table(compared(in_turns(steps, range(rounds)), PLAIN))


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 30, Path(given[1]) if len(given) > 1 else None)
