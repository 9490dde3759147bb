"""A client of Elasticsearch for a connection's options, and whether a server answers it.

Knows the client, its options and its errors.
"""

from __future__ import annotations

import inspect
import re
import time
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from petfinder.errors import ConfigError, StoreUnavailable
from petfinder.stores.elastic_errors import translated, worth_retrying
from petfinder.stores.elastic_options import ConnectionOptions

_RETRY_ON = (429, 500, 502, 503, 504)
_PAUSE_SECONDS = 0.5
_PROBE_SECONDS = 5.0


def make_client(options: ConnectionOptions) -> Elasticsearch:
    """The client for these options; it connects at the first request.

    Requests are sent again on 429, 500, 502, 503, 504, lost connections and time-outs, which suits reading; who writes
    asks for `client.options(max_retries=0)` and looks what went in. Bodies are compressed on the way to Elastic Cloud
    only: vectors shrink by a quarter at 30 MB a second and core, which a wide network repays and a local one does not.
    """
    given: dict[str, Any] = {
        "request_timeout": options.timeout,
        "max_retries": options.retries,
        "retry_on_status": _RETRY_ON,
        "retry_on_timeout": True,
        "http_compress": options.cloud_id is not None,
        **_place(options),
        **_credentials(options),
    }
    if options.cloud_id or any(host.startswith("https://") for host in options.hosts):
        given["verify_certs"] = options.verify
        given["ssl_show_warn"] = False  # who says verify=False knows it
        if options.ca_certs:
            given["ca_certs"] = options.ca_certs
        if options.fingerprint:
            given["ssl_assert_fingerprint"] = options.fingerprint
    if "retry_backoff_base" in inspect.signature(Elasticsearch).parameters:  # not before 9.4
        given |= {"retry_backoff_base": 0.25, "retry_backoff_cap": 5.0}
    try:
        return Elasticsearch(**given)
    except ValueError as error:
        raise ConfigError(f"no connection can be made to {options.location} as it is described") from error


def location_of(client: Elasticsearch) -> str:
    """The URLs of the nodes that a client speaks to, without credentials."""
    return ",".join(sorted(node.base_url for node in client.transport.node_pool.all()))


def wait_until_ready(client: Elasticsearch, seconds: float = 0.0, *, location: str | None = None) -> None:
    """Return when a server answers and (asked to wait) can be searched; ask again for so many seconds.

    Raises StoreUnavailable when the time is over, NotAuthorised at once. A user who is known there, but may not ask for
    the cluster's health, is let through.
    """
    end = time.monotonic() + seconds
    asking = client.options(max_retries=0, request_timeout=_PROBE_SECONDS) if seconds > 0 else client
    while True:
        left = end - time.monotonic()
        try:
            with translated(location=location or location_of(client)):
                usable = _usable(asking)
            if usable or left <= 0:
                return
        except StoreUnavailable as error:
            if left <= 0 or not (isinstance(error.__cause__, Exception) and worth_retrying(error.__cause__)):
                raise
        time.sleep(min(_PAUSE_SECONDS, max(left, 0.0)))


def server_version(client: Elasticsearch) -> tuple[int, int, int] | None:
    """The lowest version of the nodes, else that of the node that answers; None where it may not be known.

    Raises StoreUnavailable, and NotAuthorised for credentials that are not known.
    """
    with translated(location=location_of(client)):
        for ask in (client.nodes.info, client.info):
            try:
                answer = ask(filter_path=["nodes.*.version", "version.number"]).body
            except ApiError as error:
                if error.meta.status == 401 or worth_retrying(error) or not _is_elasticsearch(error):
                    raise
                continue
            numbers = [node["version"] for node in answer.get("nodes", {}).values()]
            versions = [_numbers(number) for number in numbers or [answer.get("version", {}).get("number", "")]]
            if known := [version for version in versions if version is not None]:
                return min(known)
    return None


def _place(options: ConnectionOptions) -> dict[str, Any]:
    return {"cloud_id": options.cloud_id} if options.cloud_id is not None else {"hosts": list(options.hosts)}


def _credentials(options: ConnectionOptions) -> dict[str, Any]:
    if options.api_key is not None:
        id_, colon, key = options.api_key.partition(":")
        return {"api_key": (id_, key) if colon else options.api_key}
    if options.bearer is not None:
        return {"bearer_auth": options.bearer}
    return {} if options.user is None else {"basic_auth": (options.user, options.password)}


def _usable(client: Elasticsearch) -> bool:
    """Whether searches can be answered, as far as this user may know; raises what says that nobody is to be met."""
    try:
        return bool(client.cluster.health(master_timeout="1s")["status"] != "red")
    except ApiError as error:
        if error.meta.status != 403:
            if error.meta.status == 401 or worth_retrying(error) or not _is_elasticsearch(error):
                raise
            return True
        refused = error
    try:
        client.security.authenticate()
    except ApiError as error:
        if error.meta.status in (401, 403):
            raise refused from error
    return True


def _is_elasticsearch(error: ApiError) -> bool:
    return error.meta.headers.get("x-elastic-product") == "Elasticsearch"


def _numbers(version: str) -> tuple[int, int, int] | None:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
