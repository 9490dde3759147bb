"""The verb `evaluate`: how well encoders find one's own pets, side by side, and thresholds measured on them.

Knows comparing and the options.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from petfinder.cli.options import CLASSES, JsonOption, RegistryOption, Species, SpeciesOption, open_registry
from petfinder.cli.shell import TROUBLE, left_out_as_data, note, say, told
from petfinder.cli.verbs import app
from petfinder.comparing import Column, Comparison, compare_encoders
from petfinder.errors import ConfigError, EncoderUnavailable
from petfinder.intake import Grouping
from petfinder.repository import PetRepository
from petfinder.settings import Settings, load_settings
from petfinder.tuned import file_of, is_tuned_name


@app.command(no_args_is_help=True)
@told
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Photos, a sub-folder for each pet.")],
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", metavar="NAME", help="What is tried; may be given several times.")
    ] = None,
    by: Annotated[Grouping, typer.Option("--by", help="What is one pet in the folder.")] = "pet",
    save_thresholds: Annotated[
        bool, typer.Option("--save-thresholds", help="Keep the thresholds measured with the registry's encoder there.")
    ] = False,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """Measure how well encoders find your pets: every photo is taken out once and looked for among all others.

    Example: petfinder evaluate photos/ --encoder pocket --encoder clip-ViT-B-32

    Example: petfinder evaluate photos/ --save-thresholds --registry pets.db --species cat

    Exits with 3 if an encoder could not be tried; the others are.
    """
    if registry is not None and not save_thresholds:
        raise ConfigError("--registry says where --save-thresholds keeps what is measured; give both or neither")
    settings = load_settings()
    if save_thresholds:
        with open_registry(registry, None, create=False) as opened:
            index = opened.of(CLASSES[species]).repository
            comparison = _compared(folder, encoder or [index.encoder_identity.name], by, settings, as_json=as_json)
            _keep(comparison, index)
    else:
        comparison = _compared(folder, encoder or [settings.encoder or "pocket"], by, settings, as_json=as_json)
    if comparison.errors:
        raise typer.Exit(TROUBLE)


def _compared(folder: Path, encoders: list[str], by: Grouping, settings: Settings, *, as_json: bool) -> Comparison:
    """What comparing comes to with the photo limits and the device that are set, as registering has them; printed."""
    comparison = compare_encoders(folder, encoders, by=by, limits=settings.photo_limits, device=settings.device)
    say(_as_data(comparison) if as_json else str(comparison))
    return comparison


def _keep(comparison: Comparison, index: PetRepository[Any]) -> None:
    """Keep the thresholds of the index's own encoder with the index.

    Raises EncoderUnavailable where it was tried in vain, and ConfigError where it was not tried.
    """
    own = next((column for column in comparison.columns if column.identity == index.encoder_identity), None)
    if own is None or own.evaluation is None:
        name = index.encoder_identity.name
        filled = f"no thresholds kept: index {index.index!r} was filled by {name}"
        way = f"--encoder {file_of(name)}" if is_tuned_name(name) else f"--encoder {name}"
        failed = next((column for column in comparison.columns if column.error and _is_of(column, index)), None)
        if failed is None:
            raise ConfigError(f"{filled}; try it with {way}")
        remedy = f"name its file: {way}" if is_tuned_name(name) and failed.identity is None else str(failed.error)
        raise EncoderUnavailable(f"{filled}, which could not be tried; {remedy}") from failed.error
    index.keep_thresholds(own.evaluation.thresholds)
    note(f"thresholds of {own.encoder} are kept with index {index.index!r}")


def _is_of(column: Column, index: PetRepository[Any]) -> bool:
    """Whether what was tried is the index's own encoder; one that could not be had goes by its name or its file's."""
    own = index.encoder_identity
    if column.identity is not None:
        return column.identity == own
    return column.encoder == own.name or (is_tuned_name(own.name) and Path(column.encoder).name == file_of(own.name))


def _as_data(comparison: Comparison) -> dict[str, Any]:
    return {"encoders": [_column_as_data(comparison, column) for column in comparison.columns]}


def _column_as_data(comparison: Comparison, column: Column) -> dict[str, Any]:
    if column.evaluation is None:
        return {"encoder": column.encoder, "error": type(column.error).__name__, "reason": str(column.error)}
    rows = [row._asdict() for row in comparison.as_rows() if row.encoder == column.encoder]
    return {
        "encoder": column.encoder,
        "measures": [{name: value for name, value in row.items() if name != "encoder"} for row in rows],
        "thresholds": column.evaluation.thresholds.model_dump(mode="json", exclude_none=True),
        "failures": left_out_as_data(column.evaluation.failures),
    }
