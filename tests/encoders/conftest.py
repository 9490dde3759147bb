"""A tiny CLIP on disk for all tests of encoders, and pictures to encode."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoders.tiny_models import save_clip


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of random weights, which no test changes."""
    pytest.importorskip("sentence_transformers", reason="the clip extra is not installed")
    return save_clip(tmp_path_factory.mktemp("models") / "clip")
