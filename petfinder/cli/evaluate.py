"""The verb `evaluate`: how well encoders find one's own pets, and thresholds measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer import Argument, Option

from petfinder.cli.app import verb
from petfinder.cli.exit_codes import TROUBLE
from petfinder.cli.options import DOG, RegistryOptions, Species
from petfinder.cli.output import SaveOption, note, save_picture
from petfinder.cli.register import named
from petfinder.domain.errors import ConfigError, EncoderUnavailable
from petfinder.domain.pets import SPECIES
from petfinder.encoders.tuned import file_of, is_tuned_name
from petfinder.evaluation.compare import Column, Comparison, compare_encoders
from petfinder.evaluation.evaluate import evaluate_registry
from petfinder.registry.repository import PetRepository
from petfinder.registry.settings import load_settings
from petfinder.tables.readers import Grouping


@dataclass(frozen=True)
class Measurement:
    """What is measured, on which pets, and what is kept of it; raises ConfigError for options that would do nothing."""

    folder: Annotated[
        str | None, Argument(metavar="FOLDER", help="Photos, a sub-folder for each pet; else the registry is measured.")
    ] = None
    encoder: Annotated[list[str] | None, Option("--encoder", metavar="NAME", help="What is tried; repeatable.")] = None
    by: Annotated[Grouping | None, Option("--by", help="What is one pet in the folder; pet if not said.")] = None
    save_thresholds: Annotated[
        bool, Option("--save-thresholds", help="Keep the thresholds measured with the registry's encoder there.")
    ] = False
    yes: Annotated[bool, Option("--yes", help="Keep thresholds that were measured on few photos too.")] = False
    forget_thresholds: Annotated[bool, Option("--forget-thresholds", help="Let the encoder's own hold again.")] = False
    save: SaveOption = None
    species: Annotated[Species | None, Option("--species", help="Whose registry; dog if not said.")] = None

    def __post_init__(self) -> None:
        if self.yes and not self.save_thresholds:
            raise ConfigError("--yes is for --save-thresholds")
        measured = (self.folder is not None, self.encoder, self.by, self.save_thresholds, self.save)
        if self.forget_thresholds and any(measured):
            raise ConfigError("--forget-thresholds measures nothing: name --registry and --species only")
        if self.folder is None and (self.encoder or self.by):
            option = "encoder" if self.encoder else "by"
            raise ConfigError(f"--{option} is for photos: name their FOLDER; a registry is measured as it is")

    def run(self, options: RegistryOptions) -> Comparison:
        """Measure, print, and keep the thresholds where that is wished."""
        if self.folder is not None and not self.save_thresholds:
            if options.registry is not None or options.registry_name or self.species is not None:
                option = "species" if self.species else "registry"
                raise ConfigError(f"--{option} goes with --save-thresholds; leave FOLDER out to measure the registry")
            return self._compared(self.folder, load_settings().encoder or "pocket", options)
        with options.open() as opened:
            index = opened.of(SPECIES[self.species or DOG]).repository
            if self.folder is None:
                evaluation = evaluate_registry(index)
                comparison = Comparison((Column(evaluation.encoder, evaluation, identity=index.encoder_identity),))
                options.say(comparison.to_dict(), str(evaluation))
            else:
                comparison = self._compared(self.folder, index.encoder_identity.name, options)
            if self.save_thresholds:
                _keep(comparison, index, sure=self.yes)
        return comparison

    def _compared(self, folder: str, default: str, options: RegistryOptions) -> Comparison:
        """What comparing comes to with the photo limits and the device that are set, as registering has them."""
        settings, encoders = load_settings(), self.encoder or [default]
        how: dict[str, Any] = {"limits": settings.photo_limits, "device": settings.device}
        comparison = compare_encoders(named(folder), encoders, by=self.by or "pet", **how)
        options.say(comparison.to_dict(), str(comparison))
        return comparison


@verb(measurement=Measurement, options=RegistryOptions)
def evaluate(measurement: Measurement, options: RegistryOptions) -> None:
    """Measure how well your own pets are found.

    Every photo is taken out once and looked for among all others.

    Example: petfinder evaluate photos/ --encoder pocket --encoder clip-ViT-B-32 --save encoders.png

    Example: petfinder evaluate --registry pets.db --species cat

    Example: petfinder evaluate photos/ --save-thresholds --registry pets.db --species cat

    The second reads no photo: it takes the embeddings that the registry keeps. With --save-thresholds the registry's
    verdicts are judged by what was measured; few photos measure badly, and then --yes is wanted too. Exits with 3 if an
    encoder could not be tried; the others are.
    """
    if measurement.forget_thresholds:
        with options.open() as opened:
            index = opened.of(SPECIES[measurement.species or DOG]).repository
            index.keep_thresholds(None)
        options.say({"forgotten": index.index}, f"{index.index} has no thresholds of its own any more")
        return
    comparison = measurement.run(options)
    evaluations = [column.evaluation for column in comparison.columns if column.evaluation is not None]
    if measurement.save is not None and not evaluations:
        note("no encoder could be tried, so there is nothing to draw")
    elif measurement.save is not None:
        save_picture(evaluations[0] if len(comparison.columns) == 1 else comparison, measurement.save)
    if comparison.errors:
        raise typer.Exit(TROUBLE)


def _keep(comparison: Comparison, index: PetRepository[Any], *, sure: bool) -> None:
    """Keep the thresholds of the index's own encoder with the index; doubtful ones only if one is sure.

    Raises EncoderUnavailable where an encoder could not be tried, ConfigError where its own was not or is in doubt.
    """
    remembered = index.encoder_identity
    own = next((c for c in comparison.columns if c.identity and c.identity.is_same(remembered)), None)
    if own is None or own.evaluation is None:
        name = file_of(remembered.name) if is_tuned_name(remembered.name) else remembered.name
        raise (EncoderUnavailable if comparison.errors else ConfigError)(
            f"no thresholds kept: index {index.index!r} was filled by {remembered.name}, which was not tried here or"
            f" could not be; name it with --encoder {name}"
        )
    doubt = own.evaluation.doubt
    if doubt and not sure:
        raise ConfigError(f"no thresholds kept: {doubt}; --yes keeps them all the same")
    index.keep_thresholds(own.evaluation.thresholds)
    note(f"thresholds of {own.encoder} are kept with index {index.index!r}{doubt and f'; {doubt}'}")
