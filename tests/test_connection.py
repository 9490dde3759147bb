"""From a URL and settings to a registry: what is named, remembered, refused."""

from __future__ import annotations

import base64
import os
import traceback
from pathlib import Path
from typing import Any

import pytest

import petfinder as pf
from petfinder.domain import errors
from petfinder.registry.settings import load_settings
from tests.conftest import TableEncoder
from tests.test_service import BLUE, RED, dog, picture, sure


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches these tests."""
    for name in [name for name in os.environ if name.startswith("PETFINDER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_nothing_named_is_memory_with_the_built_in_encoder() -> None:
    with pf.connect() as registry:
        assert repr(registry) == "<Registry 'pets' in :memory:>"
        assert registry.encoder.name == "pocket-3"
        assert not registry.util.exists("pets-dogs")
        assert registry.dogs.count() == 0
        assert registry.util.exists("pets-dogs")


def test_arguments_come_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "petfinder.toml").write_text('registry = "from-file.db"\npassword = "12345"\nuser = "1e5"\n')
    assert (load_settings().registry, load_settings().user) == ("from-file.db", "1e5")
    assert sure(load_settings().password).get_secret_value() == "12345"
    monkeypatch.setenv("PETFINDER_REGISTRY", "from-environment.db")
    monkeypatch.setenv("PETFINDER_PASSWORD", "pa,ss")

    assert load_settings().registry == "from-environment.db"
    assert load_settings(registry="argument.db").registry == "argument.db"
    assert sure(load_settings().password).get_secret_value() == "pa,ss"
    assert "pa,ss" not in repr(load_settings())
    with pf.connect() as registry:
        registry.dogs.count()
    assert (tmp_path / "from-environment.db").exists()


def test_the_settings_file_of_the_user_is_the_last_resort(tmp_path: Path) -> None:
    home = tmp_path / "config" / "petfinder"
    home.mkdir(parents=True)
    (home / "petfinder.toml").write_text('encoder = "from-home"\n')
    assert load_settings().encoder == "from-home"

    (tmp_path / "petfinder.toml").write_text('encoder = "from-here"\n')

    assert load_settings().encoder == "from-here"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("password = 12345", "password"),
        ("colour = 'x'", "colour"),
        ("max_photo_bytes = 0", "max_photo_bytes"),
        ("= 1", "TOML"),
    ],
)
def test_a_bad_setting_is_named_and_its_value_is_not(tmp_path: Path, text: str, refusal: str) -> None:
    (tmp_path / "petfinder.toml").write_text(text + "\n")

    with pytest.raises(errors.ConfigError, match=refusal) as caught:
        load_settings()

    assert "12345" not in str(caught.value)


def test_a_missing_registry_is_not_made_when_only_reading(tmp_path: Path, table_encoder: TableEncoder) -> None:
    with pytest.raises(errors.IndexNotFound):
        pf.connect("missing.db", create=False)
    assert [*tmp_path.iterdir()] == []
    with pf.connect("there.db", encoder=table_encoder) as registry:
        registry.dogs.register(dog("luigi"))
    with pf.connect("there.db", create=False, encoder=table_encoder) as registry:
        assert registry.dogs.count() == 1
        with pytest.raises(errors.IndexNotFound, match="pets-cats"):
            registry.cats.count()


def test_a_registry_remembers_its_encoder_and_refuses_another() -> None:
    with pf.connect("pets.db") as registry:
        registry.dogs.register(dog("luigi", RED))
    with pf.connect("pets.db") as registry:
        assert registry.dogs.find(picture(RED))[0].similarity > 0.999
    with pf.connect("pets.db", encoder="pocket") as registry:
        assert registry.encoder.name == "pocket-3"

    with pytest.raises(errors.IndexMismatch, match="pocket-3"):
        pf.connect("pets.db", encoder=TableEncoder())


def test_an_encoder_of_ones_own_is_needed_with_the_same_weights_and_not_to_read(table_encoder: TableEncoder) -> None:
    with pf.connect("pets.db", encoder=table_encoder) as registry:
        registry.dogs.register(dog("luigi", RED))

    with pytest.raises(errors.IndexMismatch, match="t1"):
        pf.connect("pets.db", encoder=TableEncoder(fingerprint="t2"))
    with pytest.raises(errors.IndexMismatch, match="16"):
        pf.connect("pets.db", encoder=TableEncoder(dims=16))
    with pf.connect("pets.db") as registry:
        assert registry.dogs.get("luigi").pet_id == "luigi"
        assert registry.util.info("pets-dogs").spec.encoder == "table-1"


def test_registries_stand_side_by_side_in_one_store(table_encoder: TableEncoder) -> None:
    with pf.connect("all.db", name="shelter", encoder=table_encoder) as shelter:
        shelter.dogs.register(dog("a", RED))
    with pf.connect("all.db", name="town", encoder=table_encoder) as town:
        town.dogs.register(dog("b", BLUE))

        assert [pet.pet_id for pet in town.dogs.list()] == ["b"]
        assert [info.name for info in town.util.list_indexes()] == ["shelter-dogs", "town-dogs"]
        assert [info.name for info in town.indexes()] == ["town-dogs"]


def test_limits_on_photos_are_settings(table_encoder: TableEncoder) -> None:
    with (
        pf.connect(":memory:", encoder=table_encoder, max_photo_pixels=1000) as registry,
        pytest.raises(errors.PhotoTooLarge, match="1000"),
    ):
        registry.dogs.register(dog("luigi", RED))


SECRET = "pa,ss12345"
SERVER = "https://host.example.org:9200"


@pytest.mark.parametrize(
    ("url", "options", "refusal"),
    [
        (SERVER, {"api_key": SECRET, "password": SECRET, "user": "finder"}, "api_key, user, password are all set"),
        (SERVER, {"api_key": SECRET, "bearer": SECRET}, "api_key, bearer are all set"),
        (f"https://finder:{SECRET}@host.example.org:9200", {"api_key": SECRET}, "are all set"),
        (f"https://finder:{SECRET}@host.example.org:9200", {"password": SECRET}, "given twice"),
        (f"https://a:{SECRET}@host1:9200,https://b:{SECRET}@host2:9200", {}, "different users"),
        (SERVER, {"user": "finder"}, "user and password go together"),
        (SERVER, {"password": SECRET}, "user and password go together"),
        (SERVER, {"user": "find:er", "password": SECRET}, "no colon"),
        (SERVER, {"api_key": SECRET + "\n"}, "line break"),
        (SERVER, {"api_key": ""}, "empty"),
        (SERVER, {"bearer": SECRET + "ä"}, "copy it again"),
        (SERVER, {"ca_certs": "missing.pem"}, "no readable file"),
        (SERVER, {"ca_certs": ""}, "no readable file"),
        (SERVER, {"fingerprint": "ab" * 20}, "64 hexadecimal digits"),
        (SERVER, {"fingerprint": "ab" * 32, "verify": False}, "verify=False checks no certificate"),
        ("http://host.example.org:9200", {"fingerprint": "ab" * 32}, "no certificate to check"),
        ("http://host.example.org:9200", {"user": "finder", "password": SECRET}, "write https://"),
        (f"http://finder:{SECRET}@host.example.org:9200", {}, "write https://"),
        (f"https://finder:{SECRET}/@host.example.org:9200", {}, "give user and password beside it"),
        (f"https://finder:{SECRET}#@host.example.org:9200", {}, "give user and password beside it"),
        (f"https://finder:{SECRET} @host.example.org:9200", {}, "give user and password beside it"),
        (f"https://host.example.org:9200?api_key={SECRET}", {}, "settings go beside the URL"),
        ("http://host.example.org", {}, "9200"),
        ("https://", {}, "names host and port"),
        ("https://host1:9200,host2:9200", {}, "host and port"),
        (SERVER, {"cloud_id": "a:b"}, "one place"),
        (None, {"cloud_id": "not one"}, "copy it"),
        (":memory:", {"colour": "red"}, "colour"),
        (f"ftp://user:{SECRET}@host/x", {}, "ftp"),
        ("host.example.org:9200", {}, "begins with https://"),
        (object(), {}, "a path, a URL"),
        (None, {"cloud_id": "name:" + base64.b64encode(b"cloud.example.org$").decode()}, "copy it"),
    ],
)
def test_a_connection_that_contradicts_itself_is_refused_before_anything_is_sent(
    url: Any, options: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(errors.ConfigError, match=refusal) as caught:
        pf.connect(url, **options)

    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("decoded", "location"),
    [
        ("cloud.example.org$elastic1$kibana1", "https://elastic1.cloud.example.org:443"),
        ("cloud.example.org:9243$elastic1$", "https://elastic1.cloud.example.org:9243"),
    ],
)
def test_a_cloud_id_stands_for_a_url(decoded: str, location: str) -> None:
    from petfinder.stores.elasticsearch.client import ConnectionOptions, location_of, make_client

    options = ConnectionOptions(cloud_id="pets:" + base64.b64encode(decoded.encode()).decode(), api_key=SECRET)

    assert options.location == location
    with make_client(options) as client:
        assert location_of(client) == location
    assert SECRET not in repr(options)


def test_credentials_travel_unencrypted_on_this_machine_and_where_that_is_allowed() -> None:
    from petfinder.stores.elasticsearch.client import ConnectionOptions

    for url in ("http://localhost:9200", "http://127.0.0.1:9200", "http://[::1]:9200"):
        assert ConnectionOptions(url, user="finder", password=SECRET).hosts == (url,)
    allowed = ConnectionOptions(f"http://finder:{SECRET}@elasticsearch:9200", verify=False)
    assert (allowed.hosts, allowed.login) == (("http://elasticsearch:9200",), ("finder", SECRET))


def test_a_place_named_by_argument_is_not_disturbed_by_other_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "petfinder.toml").write_text('cloud_id = "pets:nonsense"\napi_key = "1e5"\nca_certs = "gone.pem"\n')
    with pf.connect("pets.db") as registry:
        assert registry.dogs.count() == 0
    with pytest.raises(errors.ConfigError, match="cloud_id is not one"):
        pf.connect()

    monkeypatch.setenv("PETFINDER_REGISTRY", "other.db")
    with pytest.raises(errors.ConfigError, match="registry and cloud_id are both set"):
        pf.connect()
    with pytest.raises(errors.ConfigError, match="cloud_id is not one"):
        pf.connect(cloud_id="pets:nonsense")


def test_a_password_in_the_registrys_url_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETFINDER_REGISTRY", f"https://finder:{SECRET}@host.example.org:9200")
    monkeypatch.setenv("PETFINDER_API_KEY", SECRET)

    settings = load_settings()

    assert SECRET in sure(settings.registry)
    assert SECRET not in f"{settings!r}{settings}"


def test_the_name_of_a_registry_may_be_set_once_for_all_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PETFINDER_NAME", "shelter")

    with pf.connect(tmp_path / "pets.db") as registry:
        registry.dogs.register(pf.Dog(pet_id="rex"))
        assert registry.name == "shelter"
        assert [*registry.specs()] == ["shelter-dogs"]
    with pf.connect(tmp_path / "pets.db", name="pets") as registry:
        assert not registry.specs()

    monkeypatch.setenv("PETFINDER_NAME", "Not A Name")
    with pf.connect(tmp_path / "pets.db") as registry, pytest.raises(errors.InvalidQuery, match="Not A Name"):
        registry.dogs.register(pf.Dog(pet_id="rex"))
