"""A client of Elasticsearch for a connection's options, and whether a server answers it."""

from __future__ import annotations

import inspect
import ipaddress
import re
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from elastic_transport.client_utils import parse_cloud_id
from elasticsearch import ApiError, Elasticsearch

from petfinder.domain.errors import ConfigError, StoreUnavailable
from petfinder.stores.elasticsearch.errors import translated, worth_retrying

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


@dataclass(frozen=True)
class ConnectionOptions:
    """Where a server is and how to speak to it; made and checked by `connection_options`, its repr shows no secret."""

    hosts: tuple[str, ...] = ()
    cloud_id: str | None = None
    api_key: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    ca_certs: str | None = None
    fingerprint: str | None = None
    verify: bool = True
    timeout: float = 30.0
    retries: int = 3

    @property
    def location(self) -> str:
        """The URL or URLs, without credentials; of a cloud id the URL that it stands for."""
        if self.cloud_id is None:
            return ",".join(self.hosts)
        host, port = _cloud_address(self.cloud_id)
        return f"https://{host}:{port}"


def connection_options(
    url: str | None = None,
    *,
    cloud_id: str | None = None,
    api_key: str | None = None,
    user: str | None = None,
    password: str | None = None,
    bearer: str | None = None,
    ca_certs: str | None = None,
    fingerprint: str | None = None,
    verify: bool = True,
    timeout: float = 30.0,
    retries: int = 3,
) -> ConnectionOptions:
    """The options of one connection: a URL, several nodes' URLs separated by commas, or an Elastic Cloud id.

    User and password may stand in the URL, from where they are taken out. Raises ConfigError for what contradicts
    itself, and for credentials that would travel unencrypted to another machine unless verify=False allows it.
    """
    if (url is None) == (cloud_id is None):
        raise ConfigError("name one place: a server's URL, or cloud_id")
    hosts: tuple[str, ...] = ()
    if cloud_id is not None:
        _cloud_address(cloud_id)
    else:
        hosts, in_url = _hosts_of(url or "")
        if in_url and (user is not None or password is not None):
            raise ConfigError("user and password are given twice, in the URL and beside it; leave one out")
        user, password = in_url or (user, password)
    _check_credentials(api_key=api_key, user=user, password=password, bearer=bearer)
    secret = api_key or password or bearer
    for host in hosts:
        plain = host.startswith("http://")
        if plain and secret and verify and not _is_here(host):
            raise ConfigError(
                f"credentials would travel to {host} for everybody on the way to read; write https://, "
                "or verify=False where you trust the way"
            )
        if plain and (ca_certs, fingerprint) != (None, None):
            raise ConfigError(f"{host} has no certificate to check; ca_certs and fingerprint go with https://")
    _check_certificates(ca_certs=ca_certs, fingerprint=fingerprint, verify=verify)
    return ConnectionOptions(
        hosts=hosts,
        cloud_id=cloud_id,
        api_key=api_key,
        user=user,
        password=password,
        bearer=bearer,
        ca_certs=str(Path(ca_certs).expanduser()) if ca_certs is not None else None,
        fingerprint=fingerprint,
        verify=verify,
        timeout=timeout,
        retries=retries,
    )


def _hosts_of(url: str) -> tuple[tuple[str, ...], tuple[str | None, str | None] | None]:
    found: dict[tuple[Any, ...], str] = {}
    proofs = set()
    for part in re.split(r",(?=\s*https?://)", url.strip(), flags=re.IGNORECASE):
        address = _split(part.strip())
        user, at, server = address.netloc.rpartition("@")
        if at:
            name, _, password = user.partition(":")
            proofs.add((unquote(name) or None, unquote(password) or None))
        port = address.port or 443
        found.setdefault(
            (address.scheme, address.hostname, port, address.path.rstrip("/")),
            f"{address.scheme}://{server}{address.path.rstrip('/')}",
        )
    if len(proofs) > 1:
        raise ConfigError("the URLs name different users or passwords; one connection has one")
    return tuple(found.values()), next(iter(proofs), None)


def _split(url: str) -> SplitResult:
    """One URL in its parts; the errors repeat nothing of it that may be a secret, nor do their causes."""
    shown = re.split(r"[?#]", re.sub(r"://.*@", "://…@", url, flags=re.DOTALL))[0]
    try:
        address = urlsplit(url)
        sound = bool(address.hostname) and address.port != 0 and not re.search(r"[\x00-\x20\x7f]", url)
    except ValueError:  # its text may hold the password: not chained
        sound = False
    if not sound or "@" in address.path + address.query + address.fragment:
        advice = "each names host and port"
        if "@" in url:
            advice = "if its password holds one of / ? # or a blank, give user and password beside it"
        raise ConfigError(f"{shown!r} is no server's address; {advice}")
    if address.scheme not in ("http", "https") or re.search(r"[\s,]", address.netloc.rpartition("@")[2]):
        raise ConfigError(f"{shown!r} is no server's address; each begins with https://, and commas stand between them")
    if address.query or address.fragment:
        raise ConfigError(f"{shown!r} is followed by ? or #; settings go beside the URL, not into it")
    if address.port is None and address.scheme == "http":
        raise ConfigError(f"{shown!r} names no port; Elasticsearch's own is 9200")
    return address


def _check_credentials(*, api_key: str | None, user: str | None, password: str | None, bearer: str | None) -> None:
    given = {"api_key": api_key, "user": user, "password": password, "bearer": bearer}
    named = [name for name, value in given.items() if value is not None]
    kinds = {"user and password" if name in ("user", "password") else name for name in named}
    if len(kinds) > 1:
        raise ConfigError(f"{', '.join(named)} are all set (argument, PETFINDER_… or file); one proof is enough")
    if kinds == {"user and password"} and len(named) == 1:
        raise ConfigError(f"{named[0]} is set alone; user and password go together")
    for name, value in given.items():
        if value is not None and (not value or re.search(r"[\x00-\x1f\x7f]", value)):
            raise ConfigError(f"{name} is empty or holds a line break; copy it again")
        if value and name in ("api_key", "bearer") and not value.isascii():
            raise ConfigError(f"{name} holds a letter that no {name} has; copy it again")
    if user and ":" in user:
        raise ConfigError("a user's name holds no colon; give the password as password")


def _check_certificates(*, ca_certs: str | None, fingerprint: str | None, verify: bool) -> None:
    if (ca_certs, fingerprint) != (None, None) and not verify:
        raise ConfigError("verify=False checks no certificate; leave it out, or ca_certs and fingerprint")
    if ca_certs is not None and fingerprint is not None:
        raise ConfigError("ca_certs and fingerprint are two ways to check a certificate; one is enough")
    if fingerprint is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", fingerprint.replace(":", "")):
        raise ConfigError(
            "fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, with or without colons"
        )
    if ca_certs is not None:
        try:
            ssl.create_default_context(cafile=Path(ca_certs).expanduser())
        except (OSError, ValueError) as error:
            raise ConfigError(f"ca_certs {ca_certs!r} is no readable file of PEM certificates") from error


def _cloud_address(cloud_id: str) -> tuple[str, int]:
    try:
        address = parse_cloud_id(cloud_id).es_address
    except ValueError as error:
        raise ConfigError("cloud_id is not one; copy it from the deployment's page on Elastic Cloud") from error
    if address is None:
        raise ConfigError("cloud_id names no Elasticsearch; copy it from the deployment's page on Elastic Cloud")
    return address


def _is_here(host: str) -> bool:
    name = urlsplit(host).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
