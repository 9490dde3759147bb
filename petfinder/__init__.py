"""petfinder: a lost-pet registry. Names below are loaded when they are first used, so that importing costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from petfinder.comparing import compare_encoders as compare_encoders
    from petfinder.connection import connect as connect
    from petfinder.connection import load_encoder as load_encoder
    from petfinder.display.cards import owner_card as owner_card
    from petfinder.display.places import plot_places as plot_places
    from petfinder.evaluate import evaluate_folder as evaluate_folder
    from petfinder.evaluate import evaluate_registry as evaluate_registry
    from petfinder.existing import ExistingIndex as ExistingIndex
    from petfinder.export import to_table as to_table
    from petfinder.export import write_csv as write_csv
    from petfinder.export import write_json as write_json
    from petfinder.field_names import FIFTYONE as FIFTYONE
    from petfinder.field_names import FLASK_IMAGE_SEARCH as FLASK_IMAGE_SEARCH
    from petfinder.field_names import PUPPIES as PUPPIES
    from petfinder.field_names import FieldNames as FieldNames
    from petfinder.filters import PetFilter as PetFilter
    from petfinder.intake import from_arrays as from_arrays
    from petfinder.intake import from_table as from_table
    from petfinder.intake import read_csv as read_csv
    from petfinder.intake import read_folder as read_folder
    from petfinder.intake import read_json as read_json
    from petfinder.pets import Box as Box
    from petfinder.pets import Cat as Cat
    from petfinder.pets import Dog as Dog
    from petfinder.pets import Owner as Owner
    from petfinder.pets import Pet as Pet
    from petfinder.pets import Photo as Photo
    from petfinder.pets import Place as Place
    from petfinder.pets import Status as Status
    from petfinder.registry import Registry as Registry
    from petfinder.reports import BulkReport as BulkReport
    from petfinder.repository import CatRepository as CatRepository
    from petfinder.repository import DogRepository as DogRepository
    from petfinder.repository import PetRepository as PetRepository
    from petfinder.search import Match as Match
    from petfinder.search import Matches as Matches
    from petfinder.service import CatService as CatService
    from petfinder.service import DogService as DogService
    from petfinder.service import PetService as PetService
    from petfinder.thresholds import Thresholds as Thresholds
    from petfinder.thresholds import Verdict as Verdict
    from petfinder.util import Util as Util

__version__ = "0.1.0"

_HOMES = {
    "comparing": ("compare_encoders",),
    "connection": ("connect", "load_encoder"),
    "display.cards": ("owner_card",),
    "errors": ("PetfinderError",),
    "display.places": ("plot_places",),
    "evaluate": ("evaluate_folder", "evaluate_registry"),
    "existing": ("ExistingIndex",),
    "export": ("to_table", "write_csv", "write_json"),
    "field_names": ("FIFTYONE", "FLASK_IMAGE_SEARCH", "PUPPIES", "FieldNames"),
    "filters": ("PetFilter",),
    "intake": ("from_arrays", "from_table", "read_csv", "read_folder", "read_json"),
    "pets": ("Box", "Cat", "Dog", "Owner", "Pet", "Photo", "Place", "Status"),
    "registry": ("Registry",),
    "reports": ("BulkReport",),
    "repository": ("CatRepository", "DogRepository", "PetRepository"),
    "search": ("Match", "Matches"),
    "service": ("CatService", "DogService", "PetService"),
    "thresholds": ("Thresholds", "Verdict"),
    "util": ("Util",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"petfinder has no {name!r}")
    value = getattr(import_module(f"petfinder.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
