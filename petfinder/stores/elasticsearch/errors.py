"""What Elasticsearch says, in petfinder's words: whatever its client raises becomes an error that says what to do.

Judged by the type that the server names, not by its status alone: a write block is a 403 like a missing right. The
server's own sentences may quote a document (a phone number that does not parse as a date), so none is repeated, and
those inside the cause are blanked; the types stay.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elastic_transport import ApiError, ConnectionError, ConnectionTimeout, SerializationError, TlsError, TransportError
from elasticsearch import UnsupportedProductError

from petfinder.domain.errors import (
    ConfigError,
    EditConflict,
    IndexExists,
    IndexMismatch,
    IndexNotFound,
    InvalidEmbedding,
    InvalidPet,
    InvalidQuery,
    NotAuthorised,
    PetfinderError,
    PetNotFound,
    StoreError,
    StoreUnavailable,
)

BLOCK = "cluster_block_exception"
Causes = list[tuple[str, str]]
"""The types that an error names, outermost first, each with its reason."""
Advice = tuple[type[PetfinderError], str]
"""A class of error and its sentence, with names in braces for what is known of the case."""

OVERLOADED: Advice = (StoreUnavailable, "{place} is overloaded; try again in a moment, or in smaller parts")
NO_SHARD: Advice = (StoreUnavailable, "a part of {index} is on no running node of {place}; look at its health")
NO_INDEX: Advice = (IndexNotFound, "{index} is not in {place}; register a pet first, or check its name")
TAKEN: Advice = (IndexExists, "{index} is in {place} already; delete or rename it, or choose another name")
CHANGED: Advice = (EditConflict, "{pet} was changed meanwhile; read it again")
REQUEST: Advice = (InvalidQuery, "{place} refuses the request as it stands ({kind}{field})")
DOCUMENT: Advice = (InvalidPet, "{pet} cannot be stored in {index}: {kind}{field}; correct it and send it again")
EMBEDDING: Advice = (InvalidEmbedding, "an embedding of {pet} has the wrong length, or is zero or not finite")
TOO_LARGE: Advice = (
    InvalidPet,
    "{pet} is larger than {place} takes; fewer photos or smaller thumbnails, or a higher http.max_content_length",
)
OTHER: Advice = (StoreUnavailable, "{place} could not do what was asked (status {status}{kind}); its own log says why")
# By the type of the error, where its status says too little. Of several, as in a search that failed on its shards, the
# first of this table tells most.
BY_TYPE: Mapping[str, Advice] = {
    "security_exception": (NotAuthorised, "{place} does not allow this to these credentials{right}"),
    BLOCK: (StoreUnavailable, "{index} in {place} {block}"),
    "index_closed_exception": (StoreUnavailable, "{index} in {place} is closed; open it"),
    "index_not_found_exception": NO_INDEX,
    "resource_already_exists_exception": TAKEN,
    "invalid_alias_name_exception": TAKEN,
    "invalid_index_name_exception": (InvalidQuery, "{place} does not allow this name for an index"),
    "version_conflict_engine_exception": CHANGED,
    "document_missing_exception": (PetNotFound, "{pet} is not in {index} any more"),
    "media_type_header_exception": (
        ConfigError,
        "{place} is of an older major version than the installed client; pip install 'elasticsearch>=8.18,<9'",
    ),
    "circuit_breaking_exception": (
        StoreUnavailable,
        "{place} has not enough memory for this; ask for less at once, or give it more",
    ),
    "unavailable_shards_exception": NO_SHARD,
    "no_shard_available_action_exception": NO_SHARD,
    "master_not_discovered_exception": (
        StoreUnavailable,
        "{place} is starting or has lost its master node; try again in a moment",
    ),
    "search_context_missing_exception": (StoreUnavailable, "{place} has let go of this listing; begin it again"),
    "validation_exception": (StoreUnavailable, "{place} has room for no more shards; delete indexes or add nodes"),
    "strict_dynamic_mapping_exception": (
        IndexMismatch,
        "{index} was made by another version of petfinder, or by hand{field}; rebuild it",
    ),
    "content_too_long_exception": TOO_LARGE,
    "document_parsing_exception": DOCUMENT,
    "mapper_parsing_exception": REQUEST,
    "illegal_argument_exception": REQUEST,
    "search_phase_execution_exception": NO_SHARD,
}
BY_STATUS: Mapping[int, Advice] = {
    **dict.fromkeys(
        (301, 302, 307, 308), (StoreUnavailable, "{place} answers with a redirect; give the address that it leads to")
    ),
    400: (StoreUnavailable, "{place} does not understand the request; is a proxy in between, or is it https://?"),
    401: (NotAuthorised, "{place} does not know these credentials; check api_key, user and password or bearer"),
    403: (NotAuthorised, "{place} does not allow this to these credentials"),
    404: (StoreUnavailable, "no Elasticsearch answers at {place}; check host, port and path"),
    405: (StoreUnavailable, "{place} does not allow this request; check that its address is Elasticsearch's own"),
    407: (NotAuthorised, "the proxy before {place} wants credentials of its own"),
    409: CHANGED,
    413: TOO_LARGE,
    **dict.fromkeys((408, 429, 502, 503, 504), OVERLOADED),
}
# By the class of what the client itself raises, the first that fits.
BY_CLASS: Mapping[type[Exception], Advice] = {
    UnsupportedProductError: (StoreUnavailable, "the server at {place} is not Elasticsearch; check its address"),
    ConnectionTimeout: (StoreUnavailable, "{place} did not answer in time; try again, or with a longer timeout"),
    TlsError: (StoreUnavailable, "no safe connection to {place}: {certificate}"),
    ConnectionError: (
        StoreUnavailable,
        "{place} cannot be reached, or broke off; is it running, and is the address right?",
    ),
    SerializationError: (StoreUnavailable, "{place} answered with something other than JSON; is a proxy in between?"),
    TransportError: (StoreUnavailable, "the client of Elasticsearch could not do what was asked of {place} ({name})"),
    Exception: (StoreError, "the client of Elasticsearch could not do what was asked of {place} ({name})"),
}
BLOCKS = {
    "/8/": "is closed for writing, by a rebuild or by its keeper; open it again, or lift index.blocks.write",
    "/5/": "may only be read; lift index.blocks.read_only",
    "/12/": "may only be read: a disk is nearly full; free some space",
}
_VECTOR = re.compile(
    r"dimension|of type \[dense_vector\]|zero magnitude|NaN values|infinite values|[Bb]ase64|invalid vector"
)
_TYPES_FOR_VECTORS = {f"{of}_exception" for of in ("document_parsing", "query_shard", "parsing", "illegal_argument")}
# A field's name, and never a value: "failed to parse date field [555-0199] with format" names none.
_FIELD = re.compile(r"\b(?:field|introduction of) \[([a-z_][\w.]*)\] (?:of type|does not|within|as object|in doc)")
_RIGHT = re.compile(r"granted by the (index|cluster) privileges \[([\w,: ]+)\]")


@contextmanager
def translated(*, index: str | None = None, location: str | None = None) -> Iterator[None]:
    """Raise whatever the client raises inside as an error of petfinder, with its cause; warnings stay warnings."""
    try:
        yield
    except Warning:
        raise
    except Exception as error:
        if not {_package(base) for base in type(error).__mro__} & {"elasticsearch", "elastic_transport", "urllib3"}:
            raise
        raise typed(error, index=index, location=location) from error


def typed(error: Exception, *, index: str | None = None, location: str | None = None) -> PetfinderError:
    """Return petfinder's error for one of the client, whose own text loses what it may quote of a document."""
    place = location or "the server"
    if isinstance(error, ApiError) and not isinstance(error, UnsupportedProductError):
        status, causes = error.meta.status, causes_of(error)
        advice = _advice(status, causes, error=_error_in(error.body))
        worded = _worded(advice, status, causes, index=index, place=place)
    elif isinstance(error, SerializationError) and "nable to serialize" in str(error.message):
        worded = InvalidPet("this holds a value that JSON cannot; text, numbers and lists only")
    else:
        kind, sentence = next(advice for kind, advice in BY_CLASS.items() if isinstance(error, kind))
        certificate = _certificate(error) if isinstance(error, TlsError) else ""
        worded = kind(sentence.format(place=place, name=type(error).__name__, certificate=certificate))
    _blank(error)
    return worded


def error_of_item(status: int, error: Mapping[str, Any], id: str, *, index: str | None = None) -> PetfinderError:
    """Return petfinder's error for one item of a bulk request, by its status, the server's error and its id."""
    causes = _causes(error)
    advice = _advice(status, causes, error=error)
    return _worded(DOCUMENT if advice is REQUEST else advice, status, causes, index=index, pet=f"pet {id!r}")


def body_of(answer: Any) -> Mapping[str, Any]:
    """Return the body of an answer; where it is none (a page to log in, say), raise the client's SerializationError."""
    if not isinstance(answer.body, Mapping):
        raise SerializationError("Unable to deserialize an answer that is no JSON object")
    return answer.body


def causes_of(error: Exception) -> Causes:
    """Return the types that the server names in an error, those behind it too, each with its reason."""
    return _causes(_error_in(error.body)) if isinstance(error, ApiError) else []


def is_write_block(error: BaseException | Mapping[str, Any] | None) -> bool:
    """Tell whether this error, or that of a bulk item, is the block that a rebuild sets on the old index."""
    if isinstance(error, PetfinderError):
        return is_write_block(error.__cause__)
    causes = causes_of(error) if isinstance(error, Exception) else _causes(error if isinstance(error, Mapping) else {})
    return any(kind == BLOCK and "/8/" in reason for kind, reason in causes)


def _advice(status: int, causes: Causes, *, error: Mapping[str, Any]) -> Advice:
    types = {kind for kind, _ in causes}
    reasons = [reason for _, reason in causes]
    if types & _TYPES_FOR_VECTORS and "mapper_parsing_exception" not in types and any(map(_VECTOR.search, reasons)):
        return EMBEDDING
    if "security_exception" in types and "license.expired.feature" in error:
        return (StoreUnavailable, "the licence of {place} does not cover this")
    if "invalid_index_name_exception" in types and any("already exists" in reason for reason in reasons):
        return TAKEN
    if status == 404 and str(error.get("text", "")).startswith("alias ["):
        return NO_INDEX
    named = next((advice for kind, advice in BY_TYPE.items() if kind in types), None)
    if status == 400 and types and named in (None, NO_SHARD):
        return REQUEST
    if named is not None and status != 401:
        return named
    if types and status in (404, 405):  # it is Elasticsearch that answers
        return OTHER
    return BY_STATUS.get(status, OTHER)


def _worded(
    advice: Advice, status: int, causes: Causes, *, index: str | None, place: str = "the server", pet: str = "the pet"
) -> PetfinderError:
    reasons = "\n".join(reason for _, reason in causes)
    kind = next((kind for kind, _ in causes if kind != "search_phase_execution_exception"), "")
    field, right = _FIELD.search(reasons), _RIGHT.search(reasons)
    error_class, sentence = advice
    return error_class(
        sentence.format(
            place=place,
            index=f"index {index!r}" if index else "the index",
            pet=pet,
            status=status,
            kind=f": {kind}" if advice is OTHER and kind else kind,
            field=f" in {field[1]}" if field else "",
            right=f": one of the {right[1]} privileges {right[2]} is needed" if right else "",
            block=next((words for mark, words in BLOCKS.items() if mark in reasons), "cannot be used at the moment"),
        )
    )


def _certificate(error: TlsError) -> str:
    causes = list(_chain(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return "its certificate is signed by nobody known here, or for another host; name its CA file in ca_certs"
    if any("fingerprint" in str(cause).lower() for cause in causes):
        return "its certificate is not the one of this fingerprint; look up the fingerprint again"
    return "it may speak http:// only, or another version of TLS"


def _causes(error: Mapping[str, Any]) -> Causes:
    found = [(error["type"], str(error.get("reason") or ""))] if isinstance(error.get("type"), str) else []
    inner = [error.get("caused_by"), *(error.get("root_cause") or ())]
    inner += [shard.get("reason") for shard in error.get("failed_shards") or () if isinstance(shard, Mapping)]
    for cause in inner:
        if isinstance(cause, Mapping):
            found += _causes(cause)
    return found


def _error_in(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        return {}
    if body.get("found") is False or body.get("result") == "not_found":
        return {"type": "document_missing_exception"}
    error = body.get("error")
    return error if isinstance(error, Mapping) else {"text": error}


def _blank(error: BaseException) -> None:
    """Take out of the client's error, and of those behind it, what may quote a document, a query or a credential."""
    for one in _chain(error):
        if isinstance(one, ApiError):
            kept = [{"type": kind, "reason": reason if kind == BLOCK else ""} for kind, reason in causes_of(one)]
            one.body = {"error": {**(kept[0] if kept else {}), "root_cause": kept}, "status": one.meta.status}
            one.message = kept[0]["type"] if kept else f"status {one.meta.status}"
            one.args = (one.message,)
        elif isinstance(one, SerializationError) or _package(type(one)) == "elasticsearch":
            one.args = (f"{type(one).__name__}: its text is left out, for it may quote a pet",)
            vars(one).update(message=one.args[0], errors=())
            one.__cause__ = one.__context__ = None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    met: list[BaseException] = []
    while error is not None and error not in met:
        met.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]
