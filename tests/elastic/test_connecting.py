"""Connecting to a server: every proof by argument, environment and file, and what is said where it does not work."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import logging
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import trustme
from elasticsearch import Elasticsearch

import petfinder as pf
from petfinder.domain import errors
from petfinder.stores.elasticsearch.client import location_of, server_version, wait_until_ready
from tests.conftest import TableEncoder
from tests.elastic import faults
from tests.elastic.proxy import Answer, Fault, FaultProxy, Passage
from tests.test_service import RED, dog, picture

SECRET = "pa,ss-1e5"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches these tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def name(elasticsearch_url: str) -> Iterator[str]:
    """The name of a registry of this test's own, erased at the end."""
    chosen = f"connecting-{uuid4().hex[:8]}"
    yield chosen
    with pf.connect(elasticsearch_url) as registry:
        for index in registry.util.store.index_names():
            if index.startswith(chosen):
                registry.util.delete_index(index)


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def check_serves(url: str, **options: Any) -> pf.Registry:
    """Connect, ask for something, and give the registry, closed again."""
    with pf.connect(url, **options) as registry:
        assert not registry.util.exists("nobody-dogs")
    return registry


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def wants(authorization: str) -> Fault:
    """A server that answers only who shows this proof, and 401 to all others."""

    def fault(passage: Passage) -> Answer:
        if passage.headers.get("Authorization") == authorization:
            return passage.forward()
        return faults.elastic_error(401)(passage)

    return fault


def test_a_url_is_enough_to_make_a_registry_and_to_find_it_again(
    elasticsearch_url: str, name: str, table_encoder: TableEncoder
) -> None:
    with pf.connect(elasticsearch_url, name=name, encoder=table_encoder) as registry:
        assert repr(registry) == f"<Registry {name!r} in {elasticsearch_url}>"
        registry.dogs.register(dog("luigi", RED))
        assert registry.dogs.find(picture(RED))[0].pet.pet_id == "luigi"

    with pf.connect(elasticsearch_url, name=name, create=False) as registry:
        assert registry.dogs.get("luigi").pet_id == "luigi"
        assert registry.util.info(f"{name}-dogs").spec.encoder == "table-1"
    with pytest.raises(errors.IndexMismatch, match="t1"):
        pf.connect(elasticsearch_url, name=name, encoder=TableEncoder(fingerprint="t2"))


PROOFS: dict[str, tuple[dict[str, str], str]] = {
    "user and password": ({"user": "12345", "password": SECRET}, basic("12345", SECRET)),
    "password of digits": ({"user": "1e5", "password": "12345"}, basic("1e5", "12345")),
    "encoded key": ({"api_key": "aWQ6a2V5"}, "ApiKey aWQ6a2V5"),
    "key with its id": ({"api_key": "id:key"}, "ApiKey aWQ6a2V5"),
    "bearer": ({"bearer": "12345.6"}, "Bearer 12345.6"),
}


@pytest.mark.parametrize("source", ["argument", "environment", "file"])
@pytest.mark.parametrize("proof", PROOFS)
def test_every_proof_reaches_the_server_as_it_was_written(
    proxy: FaultProxy, proof: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings, authorization = PROOFS[proof]
    proxy.add(wants(authorization), times=None)
    if source == "environment":
        for setting, value in settings.items():
            monkeypatch.setenv(f"PETFINDER_{setting.upper()}", value)
    elif source == "file":
        lines = [f"{setting} = {json.dumps(value)}\n" for setting, value in settings.items()]
        (tmp_path / "petfinder.toml").write_text("".join(lines))

    check_serves(proxy.url, **(settings if source == "argument" else {}))


@pytest.mark.parametrize(("user", "password"), [("finder", "pa%ss"), ("finder", "p@ss:w/rd?#"), ("f%40", "12345")])
def test_user_and_password_may_stand_in_the_url_and_are_taken_out(proxy: FaultProxy, user: str, password: str) -> None:
    proxy.add(wants(basic(user, password)), times=None)
    url = proxy.url.replace("://", f"://{quote(user, safe='')}:{quote(password, safe='')}@")

    registry = check_serves(url)

    assert repr(registry) == f"<Registry 'pets' in {proxy.url}>"
    assert registry.util.store.location == proxy.url


def test_wrong_credentials_are_not_waited_for_and_nothing_is_left_open(proxy: FaultProxy) -> None:
    proxy.add(wants(basic("finder", "right")), times=None)

    for _ in range(3):
        with pytest.raises(errors.NotAuthorised, match="check api_key, user and password") as caught:
            pf.connect(proxy.url, user="finder", password=SECRET, wait=600)
        assert SECRET not in shown(caught.value)

    assert len(proxy.seen()) == 3
    gc.collect()  # an open socket that is dropped warns, and warnings are failures


def test_a_server_that_refuses_everything_is_told_from_one_that_keeps_its_health_to_itself(
    proxy: FaultProxy, name: str
) -> None:
    refusal = proxy.add(faults.elastic_error(403), times=None)
    with pytest.raises(errors.NotAuthorised, match="does not allow"):
        pf.connect(proxy.url, name=name, wait=600)

    refusal.path = "^/_cluster|^/_nodes"
    with pf.connect(proxy.url, name=name, encoder=TableEncoder(), wait=600) as registry:
        registry.dogs.register(dog("luigi", RED))
        assert registry.dogs.find(picture(RED))[0].pet.pet_id == "luigi"


def test_not_there_refusing_and_lacking_the_index_are_three_errors(proxy: FaultProxy, name: str) -> None:
    with pf.connect(proxy.url, name=name, create=False) as registry:
        with pytest.raises(errors.IndexNotFound, match=f"{name}-dogs.*register a pet first"):
            registry.dogs.count()
        assert [index for index in registry.util.store.index_names() if index.startswith(name)] == []
    proxy.add(faults.elastic_error(401), times=None)
    with pytest.raises(errors.NotAuthorised, match="check api_key"):
        pf.connect(proxy.url, name=name)
    proxy.close()
    for url in (proxy.url, "http://no-such-host.invalid:9200"):
        said = r"cannot be reached.* is it running, and is the ad"
        with pytest.raises(errors.StoreUnavailable, match=said) as raised:
            pf.connect(url, name=name, retries=0, api_key=SECRET, verify=False)
        assert SECRET not in shown(raised.value)


def test_a_server_is_waited_for_until_it_listens_and_has_a_master_but_not_for_ever(proxy: FaultProxy) -> None:
    proxy.close()
    began = time.monotonic()
    with pytest.raises(errors.StoreUnavailable, match="is it running"):
        pf.connect(proxy.url, wait=1.2)
    assert time.monotonic() - began >= 1.2

    proxy.add(faults.elastic_error(503), times=2)
    starting = threading.Timer(0.7, proxy.open)
    starting.start()
    check_serves(proxy.url, wait=60)
    starting.join()


def test_a_moment_of_trouble_is_retried(proxy: FaultProxy) -> None:
    proxy.add(faults.gateway_page(502), times=2)
    proxy.add(faults.cut_before, times=1)

    check_serves(proxy.url)


def test_of_several_nodes_one_may_be_down(proxy: FaultProxy, name: str, elasticsearch_url: str) -> None:
    proxy.close()

    with pf.connect(f"{proxy.url}, {elasticsearch_url}", name=name) as registry:
        registry.dogs.register(dog("luigi"))
        assert registry.dogs.count() == 1
        assert registry.util.store.location == f"{proxy.url},{elasticsearch_url}"


def test_a_certificate_is_checked_by_its_authority_or_by_its_fingerprint(
    elasticsearch_url: str, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    fingerprint = hashlib.sha256(der).hexdigest()
    colons = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()

    with FaultProxy(elasticsearch_url, tls=context) as proxy:
        trusted: list[dict[str, Any]] = [{"ca_certs": "ca.pem"}, {"verify": False}]
        for options in (*trusted, {"fingerprint": fingerprint}, {"fingerprint": colons}):
            proxy.clear()
            check_serves(proxy.url, user="finder", password=SECRET, **options)
            assert proxy.seen()
        proxy.clear()
        with pytest.raises(errors.StoreUnavailable, match=r"certificate.*name its CA file in ca_certs") as raised:
            pf.connect(proxy.url, user="finder", password=SECRET, wait=600)
        assert SECRET not in shown(raised.value)
        for url, pin, said in (
            (proxy.url, "ab" * 32, "fingerprint"),
            (elasticsearch_url.replace("http://", "https://"), None, "http://"),
            (proxy.url.replace("https://", "http://"), None, "is it running"),
        ):
            with pytest.raises(errors.StoreUnavailable, match=said):
                pf.connect(url, retries=0, fingerprint=pin)
        assert proxy.seen() == []  # nothing was said to a stranger


def test_no_secret_is_shown_in_repr_errors_or_logs(
    proxy: FaultProxy, name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    wire = logging.getLogger("elastic_transport.node")  # tells bodies and headers to whoever asks it to
    monkeypatch.setattr(wire, "handlers", [caplog.handler])
    monkeypatch.setattr(wire, "level", logging.DEBUG)

    with pf.connect(proxy.url.replace("://", f"://finder:{SECRET}@"), name=name) as registry:
        registry.dogs.register(dog("luigi"))
        store = registry.util.store
        told: list[object] = [registry, store, store.client, store.client.transport.node_pool.all(), vars(store)]
        proxy.add(faults.elastic_error(403), times=None)
        with pytest.raises(errors.NotAuthorised) as caught:
            registry.dogs.count()

    text = caplog.text + shown(caught.value) + "".join(f"{one!r}{one}" for one in (*told, caught.value.__cause__))
    assert "/_cluster/health" in caplog.text
    assert SECRET not in text
    assert basic("finder", SECRET).removeprefix("Basic ") not in text


def test_a_client_is_taken_as_it_is_and_left_open(elasticsearch_url: str, name: str) -> None:
    with Elasticsearch(elasticsearch_url) as client:
        with pf.connect(client, name=name, encoder=TableEncoder()) as registry:
            registry.dogs.register(dog("luigi", RED))
            assert registry.util.client is client
            assert repr(registry) == f"<Registry {name!r} in {elasticsearch_url}>"
        assert client.cluster.health()["number_of_nodes"] >= 1

        with pytest.raises(errors.ConfigError, match="api_key, verify must be given to it"):
            pf.connect(client, api_key="id:key", verify=False)
        with pytest.raises(errors.StoreUnavailable, match="closed"):
            registry.util.store.index_names()


def test_only_the_index_that_is_wanted_is_asked_for(proxy: FaultProxy, name: str) -> None:
    with pf.connect(proxy.url, name=name, encoder=TableEncoder()) as registry:
        proxy.clear()
        proxy.add(faults.elastic_error(403), path=r"^/(\*|_all|_cat|_alias)", times=None)
        assert not registry.util.exists(f"{name}-cats")
        assert registry.util.exists(f"{name}-dogs") is False
        assert [one.status for one in proxy.seen() if one.status == 403] == []


def nodes_of(*versions: str) -> Fault:
    body = json.dumps({"nodes": {str(n): {"version": version} for n, version in enumerate(versions)}}).encode()
    return lambda passage: Answer(200, faults.ELASTIC_JSON, body)


def test_the_version_is_that_of_the_oldest_node_as_far_as_it_may_be_known(proxy: FaultProxy) -> None:
    with Elasticsearch(proxy.url, max_retries=0) as client:
        known = server_version(client)
        assert known is not None
        assert known >= (8, 18, 0)
        proxy.add(nodes_of("9.5.3", "9.10.0", "9.4.11-SNAPSHOT"), path="/_nodes")
        assert server_version(client) == (9, 4, 11)

        proxy.add(faults.elastic_error(403), path="/_nodes", times=None)
        proxy.add(faults.elastic_error(403), times=None)
        assert server_version(client) is None
        proxy.clear()
        proxy.add(faults.elastic_error(401), times=None)
        with pytest.raises(errors.NotAuthorised):
            server_version(client)


def test_a_server_without_data_to_search_is_waited_for_but_not_for_ever(proxy: FaultProxy) -> None:
    def red(passage: Passage) -> Answer:
        answer = passage.forward()
        body = json.dumps({**json.loads(answer.body), "status": "red"}).encode()
        return Answer(answer.status, answer.headers, body)

    with Elasticsearch(proxy.url, max_retries=0) as client:
        proxy.add(red, times=2)
        wait_until_ready(client, 60)
        assert len(proxy.seen()) == 3
        proxy.clear()
        proxy.add(red, times=None)
        wait_until_ready(client, 0.6)
        assert 1 < len(proxy.seen()) < 10
        assert location_of(client) == proxy.url
