"""What a look at a photo costs: the built-in encoder's pass at 320 and 384 pixels, with its mirror image, and bare.

`python tests/benchmarks/pocket_passes.py [ROUNDS] [EARLIER.onnx]` prints milliseconds a photo (median of rounds in
which every pass has its turn), processor time of all threads likewise, and each as a multiple of the plain pass on one
thread, by processor time: the clock's is of use on a machine that does nothing else. Bare is the same network cut
after its last feature map: no saliency, no pooling, no matrix. Only the network is timed; squashing the photo is a line
of its own. EARLIER are weights of an earlier version, whose pass at 320 is timed in the same rounds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image

from petfinder.encoders.pocket import LARGE_SIDE, SIDE, WEIGHTS

PHOTO = (960, 720)  # about what a phone's photo is reduced to before it is encoded


def session(model: onnx.ModelProto, threads: int) -> Any:
    """The network in onnxruntime with this number of threads for one picture."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def backbone_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network cut after its last feature map; what nothing leads to any more, onnxruntime leaves out."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    last = [node.output[0] for node in cut.graph.node if node.op_type == "Clip"][-1]
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_tensor_value_info(last, TensorProto.FLOAT, None))
    return cut


def passes(model: onnx.ModelProto, earlier: onnx.ModelProto | None) -> dict[str, Callable[[], object]]:
    """What is timed, by what it is called; the plain pass on one thread is the first."""
    chance = np.random.default_rng(2)
    one, two = session(model, 1), session(model, 2)
    bare_one, bare_two = session(backbone_of(model), 1), session(backbone_of(model), 2)
    plain = pixels(SIDE, 1, chance)
    photo = Image.fromarray(chance.integers(0, 256, (PHOTO[1], PHOTO[0], 3), np.uint8))
    timed: dict[str, Callable[[], object]] = {
        f"pass at {SIDE}, 1 thread": partial(one.run, None, {"pictures": plain}),
        f"pass at {SIDE}, 2 threads": partial(two.run, None, {"pictures": plain}),
        f"bare backbone at {SIDE}, 1 thread": partial(bare_one.run, None, {"pictures": plain}),
        f"bare backbone at {SIDE}, 2 threads": partial(bare_two.run, None, {"pictures": plain}),
        f"with its mirror image at {SIDE}, 1 thread": partial(one.run, None, {"pictures": pixels(SIDE, 2, chance)}),
        f"squashing {PHOTO[0]} x {PHOTO[1]} to {SIDE}": partial(photo.resize, (SIDE, SIDE), Image.Resampling.BICUBIC),
    }
    large = pixels(LARGE_SIDE, 1, chance)
    timed[f"pass at {LARGE_SIDE}, 1 thread"] = partial(one.run, None, {"pictures": large})
    timed[f"pass at {LARGE_SIDE}, 2 threads"] = partial(two.run, None, {"pictures": large})
    if earlier is not None:
        for threads in (1, 2):
            before = partial(session(earlier, threads).run, None, {"pictures": plain})
            timed[f"earlier weights at {SIDE}, {threads} thread{'s' * (threads > 1)}"] = before
    return timed


def pixels(side: int, count: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures of noise: the network's time does not depend on what it sees."""
    return chance.integers(0, 256, (count, side, side, 3), np.uint8)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that a call takes: by the clock, and of the processor's time."""
    clock, processor = perf_counter(), process_time()
    work()
    return perf_counter() - clock, process_time() - processor


def main(rounds: int = 30, earlier: Path | None = None) -> None:
    """Time every pass in turn, round by round."""
    timed = passes(onnx.load(WEIGHTS), None if earlier is None else onnx.load(earlier))
    for work in timed.values():
        work()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, work in timed.items():
            taken[name].append(seconds(work))
    plain = next(iter(taken.values()))
    print(f"{WEIGHTS.name}, {rounds} rounds: by the clock, of the processor, multiple")
    for name, found in taken.items():
        clock, processor = (median(times) * 1e3 for times in zip(*found, strict=True))
        ratio = median(one / other for (_, one), (_, other) in zip(found, plain, strict=True))
        print(f"{name:42} {clock:6.1f} ms  {processor:6.1f} ms  {ratio:5.2f}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 30, Path(given[1]) if len(given) > 1 else None)
