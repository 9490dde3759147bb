"""Pictures to encode, and tiny models of random weights, saved as published ones are: a CLIP, a BERT for texts only."""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
from PIL import Image

DIMS = 16
_SMALL = {"hidden_size": DIMS, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def blots(count: int) -> list[Image.Image]:
    """Soft coloured blots, each of its own shape."""
    rng = np.random.default_rng(11)
    small = [Image.fromarray(rng.integers(0, 255, (6, 5 + n % 4, 3), dtype=np.uint8)) for n in range(count)]
    return [blot.resize((90 + 10 * (n % 3), 70), Image.Resampling.BICUBIC) for n, blot in enumerate(small)]


def save_clip(folder: Path, *, seed: int = 0, side: int = 32) -> Path:
    """A CLIP that reads pictures of `side` pixels and small letters, both into 16 dims."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(seed)
    letters = [*ascii_lowercase, *(f"{letter}</w>" for letter in ascii_lowercase)]
    vocabulary = {token: number for number, token in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])}
    words: dict[str, Any] = {"vocab_size": len(vocabulary), "max_position_embeddings": 32, **_SMALL}
    config = CLIPConfig(
        text_config={**words, "bos_token_id": 0, "eos_token_id": 1},
        vision_config={"image_size": side, "patch_size": 8, **_SMALL},
        projection_dim=DIMS,
    )
    CLIPModel(config).save_pretrained(folder)
    seen = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[])
    processor: Any = CLIPProcessor
    processor(image_processor=seen, tokenizer=tokenizer).save_pretrained(folder)
    return folder


def save_bert(folder: Path, *, dims: int = DIMS) -> Path:
    """A BERT that reads small letters into `dims` dims and has never seen a picture."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(1)
    letters = [*ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    small: dict[str, Any] = {**_SMALL, "hidden_size": dims, "max_position_embeddings": 32}
    BertModel(BertConfig(vocab_size=len(vocabulary), **small)).save_pretrained(folder)
    BertTokenizer(vocab={token: number for number, token in enumerate(vocabulary)}).save_pretrained(folder)
    return folder


def change_weights(folder: Path, *, drop: str = "", add: float = 0.0) -> Path:
    """Leave one weight out of a saved model, or add a number to all."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: values + add for name, values in weights.items() if name != drop},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


def change_preprocessing(folder: Path, **settings: Any) -> Path:
    """Change what a saved CLIP does to a picture before it looks at it."""
    file = folder / "processor_config.json"
    written = json.loads(file.read_text("utf-8"))
    written["image_processor"].update(settings)
    file.write_text(json.dumps(written), "utf-8")
    return folder
