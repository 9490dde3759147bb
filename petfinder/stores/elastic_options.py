"""Where an Elasticsearch is and how to speak to it: options from a URL and settings, checked before anything is sent.

Knows the errors, and how an Elastic Cloud id is written. No secret leaves an options' repr, its location or an error.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from elastic_transport.client_utils import parse_cloud_id

from petfinder.errors import ConfigError


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
