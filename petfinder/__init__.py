"""petfinder: a lost-pet registry. Names below are loaded when they are first used, so that importing costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from petfinder.domain import errors as _errors
from petfinder.domain.shown import use_renderers

if TYPE_CHECKING:
    from petfinder.display.figures.places import plot_places as plot_places
    from petfinder.display.html.cards import owner_card as owner_card
    from petfinder.domain.errors import ConfigError as ConfigError
    from petfinder.domain.errors import DuplicatePet as DuplicatePet
    from petfinder.domain.errors import EditConflict as EditConflict
    from petfinder.domain.errors import EncoderError as EncoderError
    from petfinder.domain.errors import EncoderUnavailable as EncoderUnavailable
    from petfinder.domain.errors import IndexExists as IndexExists
    from petfinder.domain.errors import IndexMismatch as IndexMismatch
    from petfinder.domain.errors import IndexNotFound as IndexNotFound
    from petfinder.domain.errors import InvalidEmbedding as InvalidEmbedding
    from petfinder.domain.errors import InvalidPet as InvalidPet
    from petfinder.domain.errors import InvalidQuery as InvalidQuery
    from petfinder.domain.errors import NotAuthorised as NotAuthorised
    from petfinder.domain.errors import PassphraseNeeded as PassphraseNeeded
    from petfinder.domain.errors import PetfinderError as PetfinderError
    from petfinder.domain.errors import PetNotFound as PetNotFound
    from petfinder.domain.errors import PhotoError as PhotoError
    from petfinder.domain.errors import PhotoTooLarge as PhotoTooLarge
    from petfinder.domain.errors import RegistryError as RegistryError
    from petfinder.domain.errors import StoreError as StoreError
    from petfinder.domain.errors import StoreUnavailable as StoreUnavailable
    from petfinder.domain.errors import TextNotSupported as TextNotSupported
    from petfinder.domain.errors import UnreadablePhoto as UnreadablePhoto
    from petfinder.domain.evidence import Evidence as Evidence
    from petfinder.domain.field_names import FIFTYONE as FIFTYONE
    from petfinder.domain.field_names import FLASK_IMAGE_SEARCH as FLASK_IMAGE_SEARCH
    from petfinder.domain.field_names import PUPPIES as PUPPIES
    from petfinder.domain.field_names import FieldNames as FieldNames
    from petfinder.domain.filters import PetFilter as PetFilter
    from petfinder.domain.matches import Match as Match
    from petfinder.domain.matches import Matches as Matches
    from petfinder.domain.pairs import Pair as Pair
    from petfinder.domain.pets import Box as Box
    from petfinder.domain.pets import Cat as Cat
    from petfinder.domain.pets import Dog as Dog
    from petfinder.domain.pets import Owner as Owner
    from petfinder.domain.pets import Pet as Pet
    from petfinder.domain.pets import Photo as Photo
    from petfinder.domain.pets import Place as Place
    from petfinder.domain.pets import Status as Status
    from petfinder.domain.reports import BulkFailed as BulkFailed
    from petfinder.domain.reports import BulkReport as BulkReport
    from petfinder.domain.verdicts import Thresholds as Thresholds
    from petfinder.domain.verdicts import Verdict as Verdict
    from petfinder.encoders.load import load_encoder as load_encoder
    from petfinder.evaluation.compare import compare_encoders as compare_encoders
    from petfinder.evaluation.evaluate import evaluate_folder as evaluate_folder
    from petfinder.evaluation.evaluate import evaluate_registry as evaluate_registry
    from petfinder.page.widgets import front_page as front_page
    from petfinder.photos.read import PhotoLimits as PhotoLimits
    from petfinder.registry.connect import connect as connect
    from petfinder.registry.connect import open_store as open_store
    from petfinder.registry.copy import copy_registry as copy_registry
    from petfinder.registry.embed import animals_in as animals_in
    from petfinder.registry.foreign import ExistingIndex as ExistingIndex
    from petfinder.registry.registry import Registry as Registry
    from petfinder.registry.repository import CatRepository as CatRepository
    from petfinder.registry.repository import DogRepository as DogRepository
    from petfinder.registry.repository import PetRepository as PetRepository
    from petfinder.registry.service import CatService as CatService
    from petfinder.registry.service import DogService as DogService
    from petfinder.registry.service import PetService as PetService
    from petfinder.registry.util import Util as Util
    from petfinder.tables.arrays import from_arrays as from_arrays
    from petfinder.tables.columns import ASM3 as ASM3
    from petfinder.tables.columns import PET_FBI as PET_FBI
    from petfinder.tables.readers import from_table as from_table
    from petfinder.tables.readers import read_csv as read_csv
    from petfinder.tables.readers import read_folder as read_folder
    from petfinder.tables.readers import read_json as read_json
    from petfinder.tables.writers import to_table as to_table
    from petfinder.tables.writers import write_csv as write_csv
    from petfinder.tables.writers import write_json as write_json

__version__ = "0.1.0"

_HOMES = {
    "domain.pets": "Box Cat Dog Owner Pet Photo Place Status",
    "domain.evidence": "Evidence",
    "domain.filters": "PetFilter",
    "domain.matches": "Match Matches",
    "domain.pairs": "Pair",
    "domain.verdicts": "Thresholds Verdict",
    "domain.reports": "BulkFailed BulkReport",
    "domain.errors": " ".join(name for name, value in vars(_errors).items() if isinstance(value, type)),
    "photos.read": "PhotoLimits",
    "tables.arrays": "from_arrays",
    "tables.columns": "ASM3 PET_FBI",
    "tables.readers": "from_table read_csv read_folder read_json",
    "tables.writers": "to_table write_csv write_json",
    "domain.field_names": "FIFTYONE FLASK_IMAGE_SEARCH FieldNames PUPPIES",
    "encoders.load": "load_encoder",
    "registry.embed": "animals_in",
    "registry.connect": "connect open_store",
    "registry.registry": "Registry",
    "registry.service": "CatService DogService PetService",
    "registry.repository": "CatRepository DogRepository PetRepository",
    "registry.util": "Util",
    "registry.foreign": "ExistingIndex",
    "registry.copy": "copy_registry",
    "evaluation.evaluate": "evaluate_folder evaluate_registry",
    "evaluation.compare": "compare_encoders",
    "display.html.cards": "owner_card",
    "display.figures.places": "plot_places",
    "page.widgets": "front_page",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"petfinder has no {name!r}")
    value = getattr(import_module(f"petfinder.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


use_renderers(lambda: import_module("petfinder.display.renderers").RENDERERS)
