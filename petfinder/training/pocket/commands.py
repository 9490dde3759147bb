"""What the commands that measure encoders have in common: their arguments, and the encoders that these name."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from petfinder.encoders.base import Encoder
from petfinder.encoders.load import load_encoder
from petfinder.encoders.pocket import PocketEncoder, is_pocket_name, pocket_named
from petfinder.training.pocket.benches import Teacher


def measuring_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The arguments of `python -m petfinder.training.MODULE`: the shared folder, encoders, their cache and threads."""
    parser = argparse.ArgumentParser(prog=f"python -m petfinder.training.{module}", description=description)
    parser.add_argument("--shared", type=Path, required=True, help="folder with training, identity and teacher")
    parser.add_argument("--encoder", action="append", help="pocket, teacher, a NAME.onnx or any name; may be repeated")
    parser.add_argument("--cache", type=Path, help="folder that keeps embeddings for the next run; else a passing one")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of an encoder")
    return parser


def encoders_asked_for(given: argparse.Namespace) -> Iterator[tuple[Encoder, Path]]:
    """Each encoder that was named, else pocket, and the folder that keeps its embeddings."""
    with tempfile.TemporaryDirectory() as passing:
        for name in given.encoder or ["pocket"]:
            yield encoder_named(name, given.shared, threads=given.threads), given.cache or Path(passing)


def encoder_named(name: str, shared: Path, *, threads: int) -> Encoder:
    """`teacher`, a weights file of pocket's kind (NAME.onnx), or any encoder that petfinder knows by name."""
    if name == "teacher":
        return Teacher(shared / "teacher" / "mobilenetv2_features.onnx", threads=threads)
    if is_pocket_name(name):
        return pocket_named(name, threads=threads)
    if name.endswith(".onnx"):
        return PocketEncoder(weights=Path(name), threads=threads)
    return load_encoder(name)
