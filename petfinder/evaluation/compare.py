"""Which encoder is the best for these pets: several tried on the same photos, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from petfinder.domain.errors import ConfigError, EncoderError, InvalidQuery, PetfinderError
from petfinder.domain.shown import Result, as_figure
from petfinder.domain.text import clean
from petfinder.domain.values import check_kind
from petfinder.encoders.base import Encoder, EncoderIdentity, identity_of
from petfinder.encoders.load import load_encoder
from petfinder.evaluation.calibration import Estimate, mean_over_animals
from petfinder.evaluation.evaluate import Trial, read_samples, try_encoders
from petfinder.evaluation.result import EQUAL_ERRORS, FOUND, MEAN_PRECISION, RANK1, RANK5, Evaluation, Row
from petfinder.photos.read import DEFAULT_LIMITS, PhotoLimits
from petfinder.registry.encoder_choice import as_encoder
from petfinder.tables.folders import AnyPath
from petfinder.tables.readers import Grouping

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = (RANK1, RANK5, MEAN_PRECISION, FOUND, EQUAL_ERRORS, "encode", "search")


class ComparedRow(NamedTuple):
    """One figure of one encoder, as in `petfinder.evaluation.result.Row`.

    `difference` is that to the first encoder, query photo by query photo, with its interval, where it was taken.
    """

    encoder: str
    measure: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None


@dataclass(frozen=True)
class Column:
    """One encoder: its evaluation, or the error that kept it from being tried.

    `identity` is None where it could not even be had. `differences`: by measure, how much more than the first tried.
    """

    encoder: str
    evaluation: Evaluation | None = None
    error: PetfinderError | None = None
    identity: EncoderIdentity | None = None
    differences: Mapping[str, Estimate] = field(default_factory=dict)

    def row(self, measure: str) -> Row | None:
        """One figure of its evaluation; None where it has none."""
        rows = self.evaluation.as_rows() if self.evaluation else ()
        return next((row for row in rows if row.measure == measure), None)


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Encoders side by side on the same photos. Intervals hold 95 % of a bootstrap over pets.

    A difference is paired: pets are drawn anew for both encoders at once, so that it may be sure where the two
    intervals overlap. That of the share found keeps the threshold of each as it was measured.
    """

    columns: tuple[Column, ...]

    @property
    def errors(self) -> Mapping[str, PetfinderError]:
        """The encoders that could not be tried, and why."""
        return {column.encoder: column.error for column in self.columns if column.error is not None}

    def as_rows(self) -> tuple[ComparedRow, ...]:
        """Every figure of every encoder that could be tried as a row, as pandas takes them."""
        return tuple(
            ComparedRow(column.encoder, *row, *(astuple(more) if (more := column.differences.get(row.measure)) else ()))
            for column in self.columns
            if column.evaluation is not None
            for row in column.evaluation.as_rows()
        )

    def __repr__(self) -> str:
        tried = [column.evaluation for column in self.columns if column.evaluation is not None]
        head = [f"{tried[0].queries} query photos of {tried[0].pets} pets, {tried[0].photos} photos"] if tried else []
        table = [["", *(clean(column.encoder) for column in self.columns)]]
        for measure in SHOWN:
            table.append([measure, *(_cell(column, measure) for column in self.columns)])
            if any(measure in column.differences for column in self.columns):
                table.append(["  more than the first", *(_difference(column, measure) for column in self.columns)])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
        lines += [f"{clean(name)} could not be tried: {clean(str(error))}" for name, error in self.errors.items()]
        lines += [failure.left_out for failure in (tried[0].failures if tried else ())]
        return "\n".join([*head, *lines])

    def plot(self) -> Figure:
        """Every encoder's rank-1, mAP and share found with intervals: a figure (`notebook` extra, else ConfigError)."""
        return as_figure(self)


def compare_encoders(
    folder: AnyPath,
    encoders: Iterable[str | Encoder],
    *,
    by: Grouping = "pet",
    limits: PhotoLimits = DEFAULT_LIMITS,
    device: str | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Compare encoders, by name or made, on a folder of photos, each sub-folder a pet; each photo is decoded once.

    `limits` say which photos are too large; `device` is where the encoders that are named compute (None: the best). An
    encoder that cannot be had or fails has its error in its column. Raises ConfigError for what is no folder, and
    InvalidQuery where fewer than two pets have two photos, or no encoder is named or one twice.
    """
    check_kind(encoders, Iterable, "encoders is a list of encoders, by name or made")
    several = [encoders] if isinstance(encoders, str) else [*encoders]
    named = [given if isinstance(given, str) else as_encoder(given) for given in several]
    names = [encoder if isinstance(encoder, str) else encoder.name for encoder in named]
    if not names or len(set(names)) < len(names):
        raise InvalidQuery("name one encoder or more, each once")
    samples = read_samples(folder, by=by)
    loaded = [_loaded(encoder, device) for encoder in named]
    ready = [encoder for encoder in loaded if not isinstance(encoder, PetfinderError)]
    trials = iter(try_encoders(samples, ready, limits=limits, progress=progress))
    first: Trial | None = None
    columns = []
    for name, encoder in zip(names, loaded, strict=True):
        if isinstance(encoder, PetfinderError):
            columns.append(Column(name, error=encoder))
            continue
        trial, identity = next(trials), identity_of(encoder)
        if isinstance(trial, PetfinderError):
            columns.append(Column(name, error=trial, identity=identity))
            continue
        before = first.values if first else {}
        more = {measure: mean_over_animals(trial.values[measure] - before[measure], trial.ids) for measure in before}
        columns.append(Column(name, trial.evaluation, identity=identity, differences=more))
        first = first or trial
    return Comparison(tuple(columns))


def _loaded(encoder: str | Encoder, device: str | None) -> Encoder | PetfinderError:
    """The encoder, its weights in memory where its name alone loads them; or why it cannot be had."""
    try:
        found = load_encoder(encoder, device=device) if isinstance(encoder, str) else encoder
        identity_of(found)
    except (EncoderError, ConfigError) as error:
        return error
    return found


def _cell(column: Column, measure: str) -> str:
    if column.evaluation is None:
        return type(column.error).__name__
    if (row := column.row(measure)) is None:
        return ""
    interval = "" if row.low is None or row.high is None else f" ({row.low:.1%} to {row.high:.1%})"
    return f"{row.value:.2f} ms" if row.unit == "ms" else f"{row.value:.1%}{interval}"


def _difference(column: Column, measure: str) -> str:
    found = column.differences.get(measure)
    return "" if found is None else f"{found.value:+.1%} ({found.low:+.1%} to {found.high:+.1%})"
