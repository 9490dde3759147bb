"""Which animals there are in a photo, as an encoder sees them."""

from __future__ import annotations

from typing import Any

from petfinder.domain.animals import Animals
from petfinder.domain.errors import ConfigError
from petfinder.encoders.base import Encoder
from petfinder.registry.embed import as_photo, embed_photos
from petfinder.registry.encoder_choice import chooser
from petfinder.registry.settings import load_settings


def animals_in(photo: Any, encoder: str | Encoder | None = None) -> Animals:
    """Box the animals in a photo, largest first: `pf.Photo("two.jpg", box=pf.animals_in("two.jpg")[1])` is the second.

    The boxes are of the whole picture, whatever box a Photo has. `encoder`: the one that is set, else the built-in one.
    Animals that touch are one box. Raises PhotoError, EncoderError, and ConfigError for an encoder that cannot tell.
    """
    settings = load_settings()
    chosen = chooser(encoder, settings)(None)
    whole = as_photo(photo).model_copy(update={"box": None, "embedding": None})
    animals = embed_photos([whole], chosen, limits=settings.photo_limits)[0].animals
    if animals is None:
        raise ConfigError(
            f"the encoder {chosen.name!r} does not say where animals are, as the built-in one does from pocket-3 on"
        )
    return animals
