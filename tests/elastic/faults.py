"""The faults that a proxy can make, in the words of a real Elasticsearch or of a gateway before it.

A fault is a function of the request on its way that answers it or cuts its connection; its name stands in the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.elastic.proxy import Answer, Cut, Fault, Passage

ELASTIC_JSON = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
GATEWAY_HTML = {"Content-Type": "text/html; charset=utf-8", "Server": "nginx"}
WHAT_ELASTICSEARCH_SAYS = {
    400: ("illegal_argument_exception", "request [/] contains unrecognized parameter: [x]"),
    401: ("security_exception", "unable to authenticate user [finder] for REST request [/]"),
    403: ("security_exception", "action [indices:data/write/bulk] is unauthorized for user [finder] on this index"),
    404: ("resource_not_found_exception", "there is nothing of this name"),
    409: ("version_conflict_engine_exception", "[luna]: version conflict, document already exists"),
    429: ("es_rejected_execution_exception", "rejected execution of coordinating operation [max_coordinating_bytes=1]"),
    500: ("illegal_state_exception", "something broke"),
    503: ("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
}


def fixed(name: str, status: int, headers: dict[str, str], body: bytes, *, retry_after: str = "") -> Fault:
    """The same answer for every request, which is read and not passed on."""
    more = {"Retry-After": retry_after} if retry_after else {}

    def fault(passage: Passage) -> Answer:
        passage.read()
        return Answer(status, {**headers, **more}, body)

    fault.__name__ = name
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


def too_large(limit: int) -> Fault:
    """A gateway that refuses bodies of more than so many bytes, before it has read them, and lets the others pass."""

    def too_large(passage: Passage) -> Answer:
        if passage.length <= limit:
            return passage.forward()
        return Answer(413, GATEWAY_HTML, b"<h1>413 Request Entity Too Large</h1>")

    return too_large


broken_json = fixed("broken_json", 200, ELASTIC_JSON, b'{"took": 3, "hits": {"total"')


def hold(passage: Passage) -> Answer:
    """No answer, and nothing passed on, until the client has given up (or the proxy closes)."""
    passage.read()
    passage.ended.wait(3600)
    raise Cut


def slow(passage: Passage) -> Answer:
    """The server's answer, but a minute late."""
    answer = passage.forward()
    passage.ended.wait(60)
    return answer


def cut_before(passage: Passage) -> Answer:
    """The connection closes before anything reached the server."""
    raise Cut


def cut_within(passage: Passage) -> Answer:
    """The connection closes when half of the request's body has reached the server."""
    passage.forward_half()
    raise Cut


def cut_after(passage: Passage) -> Answer:
    """The server has done what was asked, but its answer is lost."""
    passage.forward()
    raise Cut


def garbled(passage: Passage) -> Answer:
    """The server has done what was asked, but the second half of its answer is lost on the way."""
    answer = passage.forward()
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def not_elasticsearch(passage: Passage) -> Answer:
    """The answer comes from a server that does not say that it is Elasticsearch."""
    answer = passage.forward()
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k.lower() != "x-elastic-product"})


def reject_items(chosen: Callable[[str], bool]) -> Fault:
    """A bulk request in which the server has no room for the items whose id is chosen, and does the others."""
    kind, reason = WHAT_ELASTICSEARCH_SAYS[429]
    error = {"status": 429, "error": {"type": kind, "reason": reason}}

    def reject_items(passage: Passage) -> Answer:
        kept: list[bytes] = []
        refused: list[tuple[int, dict[str, Any]]] = []
        for place, (head, item) in enumerate(_bulk_items(passage.read())):
            ((action, about),) = head.items()
            if chosen(about["_id"]):
                refused.append((place, {action: {"_index": passage.path.split("/")[1], **about, **error}}))
            else:
                kept.append(item)
        output: dict[str, Any] = {"took": 0, "errors": False, "items": []}
        if kept:
            output = json.loads(passage.forward(b"".join(kept)).body)
        for place, result in refused:
            output["items"].insert(place, result)
        output["errors"] = output["errors"] or bool(refused)
        return Answer(200, ELASTIC_JSON, json.dumps(output).encode())

    return reject_items


def _bulk_items(body: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    lines = iter(body.splitlines(keepends=True))
    for line in lines:
        head = json.loads(line)
        yield head, line if "delete" in head else line + next(lines)
