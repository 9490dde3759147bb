"""The faults that a proxy can make, in the words of a real Elasticsearch or of a gateway before it.

Each function here gives a fault: a function of the request on its way that answers it or cuts its connection, whose
name stands in the proxy's log.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.elastic.proxy import Answer, Cut, Fault, Passage

ELASTIC_JSON = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
GATEWAY_HTML = {"Content-Type": "text/html; charset=utf-8", "Server": "nginx"}
WHAT_ELASTICSEARCH_SAYS = {
    400: ("illegal_argument_exception", "request [/] contains unrecognized parameter: [x]"),
    401: ("security_exception", "unable to authenticate user [finder] for REST request [/]"),
    403: ("security_exception", "action [indices:data/write/bulk] is unauthorized for user [finder] on this index"),
    404: ("resource_not_found_exception", "there is nothing of this name"),
    408: ("process_cluster_event_timeout_exception", "failed to process cluster event within 30s"),
    409: ("version_conflict_engine_exception", "[luna]: version conflict, document already exists"),
    429: ("es_rejected_execution_exception", "rejected execution of coordinating operation [max_coordinating_bytes=1]"),
    500: ("illegal_state_exception", "something broke"),
    503: ("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
}


def named(name: str) -> Callable[[Fault], Fault]:
    """Name a fault for the log."""

    def give(fault: Fault) -> Fault:
        fault.__name__ = name
        return fault

    return give


def fixed(name: str, status: int, headers: dict[str, str], body: bytes, *, retry_after: str = "") -> Fault:
    """The same answer for every request, which is read and not passed on."""
    more = {"Retry-After": retry_after} if retry_after else {}

    @named(name)
    def fault(passage: Passage) -> Answer:
        passage.read()
        return Answer(status, {**headers, **more}, body)

    return fault


def elastic_error(status: int, *, kind: str = "", reason: str = "", retry_after: str = "") -> Fault:
    """Elasticsearch itself says no, without having done anything."""
    usual = WHAT_ELASTICSEARCH_SAYS.get(status, ("exception", "no reason"))
    cause = {"type": kind or usual[0], "reason": reason or usual[1]}
    body = json.dumps({"error": {"root_cause": [cause], **cause}, "status": status}).encode()
    return fixed(f"elastic {status}", status, ELASTIC_JSON, body, retry_after=retry_after)


def gateway_page(status: int, *, retry_after: str = "") -> Fault:
    """A gateway before the server says no, with a page for people; 200 is a page to log in."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return fixed(f"gateway {status}", status, GATEWAY_HTML, page.encode(), retry_after=retry_after)


def broken_json() -> Fault:
    """An answer that says it is Elasticsearch's JSON and is cut off in the middle."""
    return fixed("broken json", 200, ELASTIC_JSON, b'{"took": 3, "hits": {"total"')


def too_large(limit: int) -> Fault:
    """A gateway that refuses bodies of more than so many bytes, before it has read them, and lets the others pass."""

    @named("too large")
    def fault(passage: Passage) -> Answer:
        if passage.length <= limit:
            return passage.forward()
        return Answer(413, GATEWAY_HTML, b"<h1>413 Request Entity Too Large</h1>")

    return fault


def hold(seconds: float = 3600) -> Fault:
    """No answer, and nothing passed on, until the client has given up (or the proxy closes)."""

    @named("hold")
    def fault(passage: Passage) -> Answer:
        passage.read()
        passage.ended.wait(seconds)
        raise Cut

    return fault


def slow(seconds: float) -> Fault:
    """The server's answer, but late."""

    @named("slow")
    def fault(passage: Passage) -> Answer:
        answer = passage.forward()
        passage.ended.wait(seconds)
        return answer

    return fault


def cut_before() -> Fault:
    """The connection closes before anything reached the server."""

    @named("cut before")
    def fault(passage: Passage) -> Answer:
        raise Cut

    return fault


def cut_within(share: float = 0.5) -> Fault:
    """The connection closes when a part of the request's body has reached the server."""

    @named("cut within")
    def fault(passage: Passage) -> Answer:
        passage.forward_part(share)
        raise Cut

    return fault


def cut_after() -> Fault:
    """The server has done what was asked, but its answer is lost."""

    @named("cut after")
    def fault(passage: Passage) -> Answer:
        passage.forward()
        raise Cut

    return fault


def garbled() -> Fault:
    """The server has done what was asked, but the second half of its answer is lost on the way."""

    @named("garbled")
    def fault(passage: Passage) -> Answer:
        answer = passage.forward()
        return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])

    return fault


def not_elasticsearch() -> Fault:
    """The answer comes from a server that does not say that it is Elasticsearch."""

    @named("not elasticsearch")
    def fault(passage: Passage) -> Answer:
        answer = passage.forward()
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-elastic-product"}
        return Answer(answer.status, headers, answer.body)

    return fault


def reject_items(chosen: Callable[[str], bool], *, status: int = 429) -> Fault:
    """A bulk request in which the server refuses the items whose id is chosen, and does the others."""
    kind, reason = WHAT_ELASTICSEARCH_SAYS[status]

    @named(f"reject items {status}")
    def fault(passage: Passage) -> Answer:
        body = passage.read()
        packed = passage.headers.get("Content-Encoding", "") == "gzip"
        kept: list[bytes] = []
        refused: list[tuple[int, dict[str, Any]]] = []
        for place, (head, item) in enumerate(_bulk_items(gzip.decompress(body) if packed else body)):
            ((action, about),) = head.items()
            if chosen(about["_id"]):
                item_error = {"status": status, "error": {"type": kind, "reason": reason}}
                refused.append((place, {action: {"_index": passage.path.split("/")[1], **about, **item_error}}))
            else:
                kept.append(item)
        nothing: dict[str, Any] = {"took": 0, "errors": False, "items": []}
        output = _passed_on(passage, b"".join(kept), packed) if kept else nothing
        for place, result in refused:
            output["items"].insert(place, result)
        output["errors"] = output["errors"] or bool(refused)
        return Answer(200, ELASTIC_JSON, json.dumps(output).encode())

    return fault


def _bulk_items(body: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    lines = iter(body.splitlines(keepends=True))
    for line in lines:
        head = json.loads(line)
        yield head, line if "delete" in head else line + next(lines)


def _passed_on(passage: Passage, body: bytes, packed: bool) -> dict[str, Any]:
    answer = passage.forward(gzip.compress(body) if packed else body)
    zipped = any(name.lower() == "content-encoding" and value == "gzip" for name, value in answer.headers.items())
    output: dict[str, Any] = json.loads(gzip.decompress(answer.body) if zipped else answer.body)
    return output
