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
from petfinder.stores.elasticsearch.errors import translated
from petfinder.stores.elasticsearch.retry import worth_retrying

_RETRY_ON = (429, 500, 502, 503, 504)
_PAUSE_SECONDS = 0.5
_PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class ConnectionOptions:
    """Where a server is and how to speak to it: a URL, several nodes' URLs between commas, or an Elastic Cloud id.

    User and password may stand in the URL instead. Raises ConfigError for what contradicts itself, and for credentials
    that would travel unencrypted to another machine unless verify=False allows it. The repr shows no secret.
    """

    url: str | None = field(default=None, repr=False)
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

    def __post_init__(self) -> None:
        if (self.url is None) == (self.cloud_id is None):
            raise ConfigError("name one place: a server's URL, or cloud_id")
        if self.cloud_id is not None:
            _cloud_address(self.cloud_id)
        elif any(self._login_in_url) and (self.user, self.password) != (None, None):
            raise ConfigError("user and password are given twice, in the URL and beside it; leave one out")
        self._check_credentials()
        self._check_certificates()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes' URLs without credentials, each once; none for a cloud id."""
        hosts: dict[tuple[object, ...], str] = {}
        for one in _addresses(self.url):
            path = one.path.rstrip("/")
            address = f"{one.scheme}://{one.netloc.rpartition('@')[2]}{path}"
            hosts.setdefault((one.scheme, one.hostname, one.port or 443, path), address)
        return tuple(hosts.values())

    @property
    def location(self) -> str:
        """The URL or URLs, without credentials; of a cloud id the URL that it stands for."""
        if self.cloud_id is None:
            return ",".join(self.hosts)
        host, port = _cloud_address(self.cloud_id)
        return f"https://{host}:{port}"

    @property
    def login(self) -> tuple[str | None, str | None]:
        """User and password, from wherever they were named."""
        return self._login_in_url if any(self._login_in_url) else (self.user, self.password)

    @property
    def _login_in_url(self) -> tuple[str | None, str | None]:
        logins = {(one.username, one.password) for one in _addresses(self.url) if "@" in one.netloc}
        if len(logins) > 1:
            raise ConfigError("the URLs name different users or passwords; one connection has one")
        user, password = next(iter(logins), (None, None))
        return unquote(user or "") or None, unquote(password or "") or None

    def _check_credentials(self) -> None:
        user, password = self.login
        proofs = {"api_key": self.api_key, "user": user, "password": password, "bearer": self.bearer}
        named = {name: value for name, value in proofs.items() if value is not None}
        if len({"login" if name in ("user", "password") else name for name in named}) > 1:
            raise ConfigError(f"{', '.join(named)} are all set (argument, PETFINDER_… or file); one proof is enough")
        if (user is None) != (password is None):
            raise ConfigError(f"{', '.join(named)} is set alone; user and password go together")
        for name, value in named.items():
            if not value or re.search(r"[\x00-\x1f\x7f]", value):
                raise ConfigError(f"{name} is empty or holds a line break; copy it again")
            if name in ("api_key", "bearer") and not value.isascii():
                raise ConfigError(f"{name} holds a letter that no {name} has; copy it again")
        if user and ":" in user:
            raise ConfigError("a user's name holds no colon; give the password as password")
        for host in self.hosts if named and self.verify else ():
            if host.startswith("http://") and not _is_here(host):
                advice = "write https://, or verify=False where you trust the way"
                raise ConfigError(f"credentials would travel to {host} for all on the way to read; {advice}")

    def _check_certificates(self) -> None:
        if (self.ca_certs, self.fingerprint) == (None, None):
            return
        if not self.verify:
            raise ConfigError("verify=False checks no certificate; leave it out, or ca_certs and fingerprint")
        if self.ca_certs is not None and self.fingerprint is not None:
            raise ConfigError("ca_certs and fingerprint are two ways to check a certificate; one is enough")
        if plain := [host for host in self.hosts if host.startswith("http://")]:
            raise ConfigError(f"{plain[0]} has no certificate to check; ca_certs and fingerprint go with https://")
        if self.ca_certs is None:
            if not re.fullmatch(r"[0-9a-fA-F]{64}", str(self.fingerprint).replace(":", "")):
                raise ConfigError("fingerprint is the certificate's SHA-256: 64 hexadecimal digits, colons or not")
            return
        try:
            ssl.create_default_context(cafile=Path(self.ca_certs).expanduser())
        except (OSError, ValueError) as error:
            raise ConfigError(f"ca_certs {self.ca_certs!r} is no readable file of PEM certificates") from error


def make_client(options: ConnectionOptions) -> Elasticsearch:
    """Make the client for these options; it connects at the first request.

    Requests are sent again on 429, 500, 502, 503, 504, lost connections and time-outs, which suits reading; who writes
    asks for `client.options(max_retries=0)` and looks what went in. Bodies are compressed on the way to Elastic Cloud
    only: vectors shrink by a quarter at 30 MB a second and core, which a wide network repays and a local one does not.
    """
    named: dict[str, Any] = {
        "request_timeout": options.timeout,
        "max_retries": options.retries,
        "retry_on_status": _RETRY_ON,
        "retry_on_timeout": True,
        "http_compress": options.cloud_id is not None,
        "cloud_id": options.cloud_id,
        "hosts": list(options.hosts) or None,
        "bearer_auth": options.bearer,
        "basic_auth": options.login if any(options.login) else None,
        "api_key": options.api_key,
    }
    if options.api_key and ":" in options.api_key:
        named["api_key"] = tuple(options.api_key.split(":", 1))
    if options.location.count("https://"):
        named |= {"verify_certs": options.verify, "ssl_show_warn": False}  # who says verify=False knows it
        if options.ca_certs:
            named["ca_certs"] = str(Path(options.ca_certs).expanduser())
        if options.fingerprint:
            named["ssl_assert_fingerprint"] = options.fingerprint
    if "retry_backoff_base" in inspect.signature(Elasticsearch).parameters:  # not before 9.4
        named |= {"retry_backoff_base": 0.25, "retry_backoff_cap": 5.0}
    try:
        return Elasticsearch(**named)
    except ValueError as error:
        raise ConfigError(f"no connection can be made to {options.location} as it is described") from error


def location_of(client: Elasticsearch) -> str:
    """Return the URLs of the nodes that a client speaks to, without credentials."""
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


def server_version(client: Elasticsearch) -> tuple[int, ...] | None:
    """Return the lowest version of the nodes, else that of the node that answers; None where it may not be known.

    Raises StoreUnavailable, and NotAuthorised for credentials that are not known.
    """
    with translated(location=location_of(client)):
        for ask in (client.nodes.info, client.info):
            try:
                answer = ask(filter_path=["nodes.*.version", "version.number"]).body
            except ApiError as error:
                if not _answered(error):
                    raise
                continue
            numbers = [node["version"] for node in answer.get("nodes", {}).values()]
            numbers = numbers or [answer.get("version", {}).get("number", "")]
            found = [re.match(r"(\d+)\.(\d+)\.(\d+)", number) for number in numbers]
            if versions := [tuple(map(int, one.groups())) for one in found if one]:
                return min(versions)
    return None


def _usable(client: Elasticsearch) -> bool:
    """Whether searches can be answered, as far as this user may know; raises what says that nobody is to be met."""
    try:
        return bool(client.cluster.health(master_timeout="1s")["status"] != "red")
    except ApiError as error:
        if error.meta.status != 403:
            if not _answered(error):
                raise
            return True
        refused = error
    try:
        client.security.authenticate()
    except ApiError as error:
        if error.meta.status in (401, 403):
            raise refused from error
    return True


def _answered(error: ApiError) -> bool:
    """Whether Elasticsearch itself refused this, to somebody whom it knows."""
    known = error.meta.headers.get("x-elastic-product") == "Elasticsearch"
    return known and error.meta.status != 401 and not worth_retrying(error)


def _addresses(url: str | None) -> list[SplitResult]:
    if url is None:
        return []
    return [_address(part.strip()) for part in re.split(r",(?=\s*https?://)", url.strip(), flags=re.IGNORECASE)]


def _address(url: str) -> SplitResult:
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
