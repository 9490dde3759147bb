"""What to do about each error that Elasticsearch knows: its type or its status, petfinder's error, and one sentence.

Knows the errors. In a sentence stand {place} (the server), {index}, {pet}, and what may be repeated of the server's
answer: {kind} (the type), {field}, {right}, {block}, {status}.
"""

from __future__ import annotations

from collections.abc import Mapping

from petfinder.errors import (
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
    StoreUnavailable,
)

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
