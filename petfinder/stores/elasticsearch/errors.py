"""What Elasticsearch says, in petfinder's words: whatever its client raises becomes an error that says what to do.

Judged by the type that the server names, not by its status alone: a write block is a 403 like a missing right. The
server's own sentences may quote a document (a phone number that does not parse as a date), so none is repeated, and
those inside the cause are blanked; types, fields and counts stay.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import elastic_transport
from elastic_transport import ApiError, ConnectionTimeout, TlsError
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

_VECTOR = re.compile(
    r"dimension|of type \[dense_vector\]|zero magnitude|NaN values|infinite values|[Bb]ase64|invalid vector"
)
_VECTOR_KINDS = {
    "document_parsing_exception",
    "query_shard_exception",
    "parsing_exception",
    "illegal_argument_exception",
}
# A field's name, and never a value: "failed to parse date field [555-0199] with format" names none.
_FIELD = re.compile(r"\b(?:field|introduction of) \[([a-z_][\w.]*)\] (?:of type|does not|within|as object|in doc)")
_RIGHT = re.compile(r"granted by the (index|cluster) privileges \[([\w,: ]+)\]")
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_LASTING = frozenset({"security_exception", "media_type_header_exception"})
_HARMLESS = frozenset({"type", "index", "index_uuid", "shard", "node", "phase", "resource.id", "resource.type"})
_HARMLESS_REASONS = frozenset(
    {
        "cluster_block_exception",
        "index_closed_exception",
        "index_not_found_exception",
        "invalid_alias_name_exception",
        "invalid_index_name_exception",
        "media_type_header_exception",
        "resource_already_exists_exception",
        "version_conflict_engine_exception",
    }
)


@contextmanager
def translated(*, index: str | None = None, location: str | None = None) -> Iterator[None]:
    """Inside, whatever the client raises comes out as an error of petfinder, with its cause; warnings stay warnings."""
    try:
        yield
    except Exception as error:
        if not _of_the_client(error):
            raise
        raise typed(error, index=index, location=location) from error


def typed(error: Exception, *, index: str | None = None, location: str | None = None) -> PetfinderError:
    """The error of petfinder for one of the client, whose own text loses what it may quote of a document."""
    if isinstance(error, UnsupportedProductError):
        advice: Advice = (StoreUnavailable, "the server at {place} is not Elasticsearch; check its address")
        status, said = error.meta.status, {}
    elif isinstance(error, ApiError):
        status, said = error.meta.status, _error_of(error.body)
        advice = _advice(status, said, of_item=False)
    else:
        status, said, advice = 0, {}, _of_transport(error)
    told = _told(advice, status, said, index=index, location=location)
    _blank(error)
    return told


def said_by(answer: Any) -> Mapping[str, Any]:
    """The body of an answer; raises what the client raises for broken JSON where it is none, a page to log in, say."""
    if not isinstance(answer.body, Mapping):
        raise elastic_transport.SerializationError("Unable to deserialize an answer that is no JSON object")
    return answer.body


def kinds_of(error: Exception) -> set[str]:
    """The types that the server names in an error, those behind it too."""
    return {kind for kind, _ in _causes(_error_of(error.body))} if isinstance(error, ApiError) else set()


def error_of_item(
    status: int,
    error: Mapping[str, Any] | None,
    id: str,
    *,
    index: str | None = None,
    location: str | None = None,
) -> PetfinderError:
    """The error of petfinder for one item of a bulk request: its status, what the server said of it, and its id."""
    said = dict(error or {})
    return _told(_advice(status, said, of_item=True), status, said, index=index, location=location, id=id)


def worth_retrying(failure: Exception | int, kind: str | None = None) -> bool:
    """Whether the same request (an error) or item (its status and its error's type) may well succeed a little later."""
    if isinstance(failure, int):
        if kind == "cluster_block_exception":
            return failure == 503  # no master yet; the blocks with other statuses stay until somebody lifts them
        return failure in _PASSING and kind not in _LASTING
    if isinstance(failure, ApiError):
        kinds = [kind for kind, _ in _causes(_error_of(failure.body))] or [""]
        return all(worth_retrying(failure.meta.status, kind) for kind in kinds)
    lost = (elastic_transport.ConnectionError, ConnectionTimeout)
    return isinstance(failure, lost) and not isinstance(failure, TlsError)


def is_write_block(error: BaseException | Mapping[str, Any] | None) -> bool:
    """Whether this error, or what the server said of a bulk item, is the block that a rebuild sets on the old index."""
    if isinstance(error, PetfinderError):
        return is_write_block(error.__cause__)
    if isinstance(error, BaseException):
        error = _error_of(error.body) if isinstance(error, ApiError) else None
    return any(kind == "cluster_block_exception" and "/8/" in reason for kind, reason in _causes(error or {}))


def _advice(status: int, said: Mapping[str, Any], *, of_item: bool) -> Advice:
    causes = _causes(said)
    kinds = {kind for kind, _ in causes}
    if kinds & _VECTOR_KINDS and "mapper_parsing_exception" not in kinds and any(_VECTOR.search(r) for _, r in causes):
        return EMBEDDING
    if "security_exception" in kinds and "license.expired.feature" in said:
        return (StoreUnavailable, "the licence of {place} does not cover this")
    if "invalid_index_name_exception" in kinds and any("already exists" in reason for _, reason in causes):
        return TAKEN
    if isinstance(said.get("text"), str) and status == 404 and said["text"].startswith("alias ["):
        return BY_KIND["index_not_found_exception"]
    named = next((advice for kind, advice in BY_KIND.items() if kind in kinds), None)
    if status == 400 and kinds and named in (None, BY_KIND["search_phase_execution_exception"]):
        named = REQUEST
    if named is REQUEST and of_item:
        return DOCUMENT
    if named is not None and status != 401:
        return named
    if kinds and status in (404, 405):  # it is Elasticsearch that answers
        return OTHER
    return BY_STATUS.get(status, OTHER)


def _of_transport(error: Exception) -> Advice:
    if isinstance(error, ConnectionTimeout):
        return (StoreUnavailable, "{place} did not answer in time; try again, or with a longer timeout")
    if isinstance(error, TlsError):
        return (StoreUnavailable, "no safe connection to {place}: " + _tls_advice(error))
    if isinstance(error, elastic_transport.ConnectionError):
        return (StoreUnavailable, "{place} cannot be reached, or broke off; is it running, and is the address right?")
    if isinstance(error, elastic_transport.SerializationError):
        if "nable to serialize" in str(error.message):
            return (InvalidPet, "this holds a value that JSON cannot; text, numbers and lists only")
        return (StoreUnavailable, "{place} answered with something other than JSON; is a proxy in between?")
    kind = StoreUnavailable if isinstance(error, elastic_transport.TransportError) else StoreError
    return (kind, "the client of Elasticsearch could not do what was asked of {place} (" + _name(error) + ")")


def _tls_advice(error: BaseException) -> str:
    causes = list(_chain(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return "its certificate is signed by nobody known here, or for another host; name its CA file in ca_certs"
    if any("fingerprint" in str(cause).lower() for cause in causes):
        return "its certificate is not the one of this fingerprint; look up the fingerprint again"
    return "it may speak http:// only, or another version of TLS"


def _told(
    advice: Advice,
    status: int,
    said: Mapping[str, Any],
    *,
    index: str | None,
    location: str | None,
    id: str | None = None,
) -> PetfinderError:
    causes = _causes(said)
    reasons = "\n".join(reason for _, reason in causes)
    kind = next((kind for kind, _ in causes if kind != "search_phase_execution_exception"), "")
    field = _FIELD.search(reasons)
    right = _RIGHT.search(reasons)
    kind_class, sentence = advice
    return kind_class(
        sentence.format(
            place=location or "the server",
            index=f"index {index!r}" if index else "the index",
            pet="the pet" if id is None else f"pet {id!r}",
            status=status,
            kind=f": {kind}" if advice is OTHER and kind else kind,
            field=f" in {field[1]}" if field else "",
            right=f": one of the {right[1]} privileges {right[2]} is needed" if right else "",
            block=next((words for mark, words in BLOCKS.items() if mark in reasons), "cannot be used at the moment"),
        )
    )


def _causes(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The types that an error names, outermost first, each with its reason."""
    found = [(said["type"], str(said.get("reason") or ""))] if isinstance(said.get("type"), str) else []
    inner = [said.get("caused_by"), *(said.get("root_cause") or ())]
    inner += [shard.get("reason") for shard in said.get("failed_shards") or () if isinstance(shard, Mapping)]
    for cause in inner:
        if isinstance(cause, Mapping):
            found += _causes(cause)
    return found


def _error_of(body: Any) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        return {}
    if body.get("found") is False or body.get("result") == "not_found":
        return {"type": "document_missing_exception"}
    said = body.get("error")
    if isinstance(said, Mapping):
        return dict(said)
    return {"text": said} if isinstance(said, str) else {}


def _blank(error: BaseException) -> None:
    """Take out of the client's error, and of those behind it, what may quote a document, a query or a credential."""
    for one in _chain(error):
        if isinstance(one, ApiError):
            said = _error_of(one.body)
            one.body = {"error": _harmless(said), "status": one.meta.status}
            one.message = said["type"] if isinstance(said.get("type"), str) else f"status {one.meta.status}"
            one.args = (one.message,)
        elif isinstance(one, elastic_transport.SerializationError) or _module(type(one)) == "elasticsearch":
            one.args = (f"{_name(one)}: its text is left out, for it may quote a pet",)
            if isinstance(one, elastic_transport.SerializationError):
                one.message = one.args[0]
            one.__cause__, one.__context__, one.__dict__["errors"] = None, None, ()


def _harmless(said: Any) -> Any:
    if isinstance(said, Mapping):
        plain = said.get("type") in _HARMLESS_REASONS
        return {
            key: _harmless(value)
            for key, value in said.items()
            if not isinstance(value, str) or key in _HARMLESS or (plain and key == "reason")
        }
    return [_harmless(value) for value in said] if isinstance(said, list) else said


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    met: list[BaseException] = []
    while error is not None and error not in met:
        met.append(error)
        yield error
        error = error.__cause__ or error.__context__


def _of_the_client(error: Exception) -> bool:
    modules = {_module(base) for base in type(error).__mro__}
    return bool(modules & {"elasticsearch", "elastic_transport", "urllib3"}) and not isinstance(error, Warning)


def _module(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _name(error: BaseException) -> str:
    return type(error).__name__


Advice = tuple[type[PetfinderError], str]
OVERLOADED: Advice = (StoreUnavailable, "{place} is overloaded; try again in a moment, or in smaller parts")
NO_SHARD: Advice = (StoreUnavailable, "a part of {index} is on no running node of {place}; look at its health")
NO_MASTER: Advice = (StoreUnavailable, "{place} is starting or has lost its master node; try again in a moment")
TAKEN: Advice = (IndexExists, "{index} is in {place} already; delete or rename it, or choose another name")
REQUEST: Advice = (InvalidQuery, "{place} refuses the request as it stands ({kind}{field})")
DOCUMENT: Advice = (InvalidPet, "{pet} cannot be stored in {index}: {kind}{field}; correct it and send it again")
TOO_LARGE: Advice = (
    InvalidPet,
    "{pet} is larger than {place} takes; fewer photos or smaller thumbnails, or a higher http.max_content_length",
)
REDIRECT: Advice = (StoreUnavailable, "{place} answers with a redirect; give the address that it leads to")
# By the type of the error. Of several, as in a search that failed on its shards, the first of this table tells most.
BY_KIND: Mapping[str, Advice] = {
    "security_exception": (NotAuthorised, "{place} does not allow this to these credentials{right}"),
    "cluster_block_exception": (StoreUnavailable, "{index} in {place} {block}"),
    "index_closed_exception": (StoreUnavailable, "{index} in {place} is closed; open it"),
    "index_not_found_exception": (
        IndexNotFound,
        "{index} is not in {place}; register a pet first, or check its name",
    ),
    "resource_already_exists_exception": TAKEN,
    "invalid_alias_name_exception": TAKEN,
    "invalid_index_name_exception": (InvalidQuery, "{place} does not allow this name for an index"),
    "version_conflict_engine_exception": (EditConflict, "{pet} was changed meanwhile; read it again"),
    "document_missing_exception": (PetNotFound, "{pet} is not in {index} any more"),
    "media_type_header_exception": (
        ConfigError,
        "{place} is of an older major version than the installed client; pip install 'elasticsearch>=8.18,<9'",
    ),
    "circuit_breaking_exception": (
        StoreUnavailable,
        "{place} has not enough memory for this; ask for less at once, or give it more",
    ),
    "es_rejected_execution_exception": OVERLOADED,
    "unavailable_shards_exception": NO_SHARD,
    "no_shard_available_action_exception": NO_SHARD,
    "master_not_discovered_exception": NO_MASTER,
    "node_not_connected_exception": NO_MASTER,
    "node_disconnected_exception": NO_MASTER,
    "node_closed_exception": NO_MASTER,
    "process_cluster_event_timeout_exception": OVERLOADED,
    "receive_timeout_transport_exception": OVERLOADED,
    "timeout_exception": OVERLOADED,
    "search_context_missing_exception": (StoreUnavailable, "{place} has let go of this listing; begin it again"),
    "validation_exception": (StoreUnavailable, "{place} has room for no more shards; delete indexes or add nodes"),
    "strict_dynamic_mapping_exception": (
        IndexMismatch,
        "{index} was made by another version of petfinder, or by hand{field}; rebuild it",
    ),
    "content_too_long_exception": TOO_LARGE,
    "document_parsing_exception": DOCUMENT,
    "mapper_parsing_exception": REQUEST,
    "action_request_validation_exception": REQUEST,
    "query_shard_exception": REQUEST,
    "illegal_argument_exception": REQUEST,
    "parsing_exception": REQUEST,
    "x_content_parse_exception": REQUEST,
    "json_parse_exception": REQUEST,
    "search_phase_execution_exception": NO_SHARD,
}
BY_STATUS: Mapping[int, Advice] = {
    **dict.fromkeys((301, 302, 307, 308), REDIRECT),
    400: (StoreUnavailable, "{place} does not understand the request; is a proxy in between, or is it https://?"),
    401: (NotAuthorised, "{place} does not know these credentials; check api_key, user and password or bearer"),
    403: (NotAuthorised, "{place} does not allow this to these credentials"),
    404: (StoreUnavailable, "no Elasticsearch answers at {place}; check host, port and path"),
    405: (StoreUnavailable, "{place} does not allow this request; check that its address is Elasticsearch's own"),
    407: (NotAuthorised, "the proxy before {place} wants credentials of its own"),
    408: OVERLOADED,
    409: (EditConflict, "{pet} was changed meanwhile; read it again"),
    413: TOO_LARGE,
    429: OVERLOADED,
    502: OVERLOADED,
    503: OVERLOADED,
    504: OVERLOADED,
}
OTHER: Advice = (StoreUnavailable, "{place} could not do what was asked (status {status}{kind}); its own log says why")
BLOCKS = {
    "/8/": "is closed for writing, by a rebuild or by its keeper; open it again, or lift index.blocks.write",
    "/5/": "may only be read; lift index.blocks.read_only",
    "/12/": "may only be read: a disk is nearly full; free some space",
}
EMBEDDING: Advice = (InvalidEmbedding, "an embedding of {pet} has the wrong length, or is zero or not finite")
