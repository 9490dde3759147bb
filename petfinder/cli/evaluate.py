"""The verb `evaluate`: how well encoders find one's own pets, or a registry its own, and thresholds measured on them.

Knows evaluating, comparing and the options.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from petfinder.cli.options import CLASSES, JsonOption, RegistryOption, Species, SpeciesOption, open_registry
from petfinder.cli.shell import TROUBLE, left_out_as_data, note, save_picture, say, told
from petfinder.cli.verbs import app
from petfinder.comparing import Column, Comparison, compare_encoders
from petfinder.errors import ConfigError, EncoderUnavailable, IndexNotFound
from petfinder.evaluate import evaluate_registry
from petfinder.intake import Grouping
from petfinder.repository import PetRepository
from petfinder.settings import load_settings
from petfinder.tuned import file_of, is_tuned_name


@app.command(no_args_is_help=True)
@told
def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Photos, a sub-folder for each pet. Without it, the pets of the registry as they are.",
        ),
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", metavar="NAME", help="What is tried; may be given several times.")
    ] = None,
    by: Annotated[Grouping, typer.Option("--by", help="What is one pet in the folder.")] = "pet",
    save_thresholds: Annotated[
        bool, typer.Option("--save-thresholds", help="Keep the thresholds measured with the registry's encoder there.")
    ] = False,
    save: Annotated[Path | None, typer.Option("--save", metavar="PNG", help="Save the plot as a picture.")] = None,
    registry: RegistryOption = None,
    species: SpeciesOption = Species.DOG,
    as_json: JsonOption = False,
) -> None:
    """Measure how well your own pets are found.

    Every photo is taken out once and looked for among all others.

    Example: petfinder evaluate photos/ --encoder pocket --encoder clip-ViT-B-32 --save encoders.png

    Example: petfinder evaluate --registry pets.db --species cat

    Example: petfinder evaluate photos/ --save-thresholds --registry pets.db --species cat

    The second reads no photo: it takes the embeddings that the registry keeps. With --save-thresholds the registry's
    verdicts are judged by what was measured. Exits with 3 if an encoder could not be tried; the others are.
    """
    if folder is None:
        comparison = _registered(registry, species, encoder, save_thresholds=save_thresholds, as_json=as_json)
    elif save_thresholds:
        with open_registry(registry, None, create=False) as opened:
            index = opened.of(CLASSES[species]).repository
            comparison = _compared(folder, encoder or [index.encoder_identity.name], by, as_json=as_json)
            _keep(comparison, index)
    elif registry is not None:
        raise ConfigError(
            "--registry says where --save-thresholds keeps what is measured on FOLDER: add it, or leave FOLDER out "
            "to measure on the pets of the registry"
        )
    else:
        comparison = _compared(folder, encoder or [load_settings().encoder or "pocket"], by, as_json=as_json)
    if save is not None:
        _save(comparison, save)
    if comparison.errors:
        raise typer.Exit(TROUBLE)


def _registered(
    registry: str | None, species: Species, encoder: list[str] | None, *, save_thresholds: bool, as_json: bool
) -> Comparison:
    """What evaluating the registry's pets by their kept embeddings comes to; printed, and no encoder loaded."""
    if encoder:
        raise ConfigError(
            "--encoder is tried on photos: name their FOLDER; a registry's pets are measured with its own encoder"
        )
    with open_registry(registry, None, create=False) as opened:
        name = opened.index_name(species)
        if not opened.util.exists(name):
            raise IndexNotFound(f"no {species} is registered here; register some, or name another --species")
        index = PetRepository[Any](opened.util.store, name, pet_class=CLASSES[species])
        evaluation = evaluate_registry(index)
        comparison = Comparison((Column(evaluation.encoder, evaluation, identity=index.encoder_identity),))
        say(_as_data(comparison) if as_json else str(evaluation))
        if save_thresholds:
            _keep(comparison, index)
    return comparison


def _compared(folder: Path, encoders: list[str], by: Grouping, *, as_json: bool) -> Comparison:
    """What comparing comes to with the photo limits and the device that are set, as registering has them; printed."""
    settings = load_settings()
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


def _save(comparison: Comparison, path: Path) -> None:
    """The plot of the only evaluation, or of all side by side, as a picture."""
    evaluations = [column.evaluation for column in comparison.columns if column.evaluation is not None]
    if not evaluations:
        note("no encoder could be tried, so there is nothing to draw")
        return
    save_picture(evaluations[0].plot() if len(comparison.columns) == 1 else comparison.plot(), path)


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
        "notes": list(column.evaluation.notes),
    }
