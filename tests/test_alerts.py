"""Alerts: each receiver is told of each new pair at least once, whatever fails on the way, and of nobody's contact."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from io import BytesIO, StringIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from PIL import Image
from typer.testing import CliRunner

import petfinder as pf
from petfinder.alerts.channel import Channel
from petfinder.alerts.watch import Watch
from petfinder.cli.app import app
from petfinder.domain.evidence import Reason
from petfinder.domain.pairs import Alert, Pair
from petfinder.registry.settings import Receiver, load_settings
from tests.conftest import TableEncoder

SECRETS = ("+55 11 5550-1234", "ully@example.org", "a scar on the left ear", "23.5505", "46.6333", "pa55word", "t0ken")
ROOT = Path(__file__).parents[1]


def alerts_of_all(registry: pf.Registry, after: str = "") -> Iterator[Alert]:
    """Stand in for Registry.alerts, which takes its place: a pair of each lost dog and each found one, of real pets."""
    dogs = [registry.dogs.get(dog.pet_id) for dog in registry.dogs.list()]
    lost, found = ([dog for dog in dogs if dog.status == status] for status in ("lost", "found"))
    for number, pets in enumerate(product(lost, found), start=1):
        reasons = (Reason("photo", "very alike", 2.0), Reason("place", "about 1 km from home", 1.0))
        pair = Pair(
            f"pair-{number}", pets, 0.92 if number > 1 else 0.6, reasons, datetime(2026, 10, 5, tzinfo=timezone.utc)
        )
        if f"{number:04}" > after:
            yield Alert(f"{number:04}", pair)


def photo(shade: int) -> bytes:
    """A JPEG whose EXIF says where it was taken."""
    file, exif = BytesIO(), Image.Exif()
    exif[0x010E] = "a scar on the left ear"
    Image.new("RGB", (64, 64), (shade, 90, 30)).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pf.Registry]:
    """A registry in pets.db with a lost dog and two found ones: two pairs, of .6 and .92."""
    monkeypatch.setattr(pf.Registry, "alerts", alerts_of_all, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    person = pf.Owner(name="Ully", phone=SECRETS[0], email=SECRETS[1])
    where: dict[str, Any] = {
        "status_place": (-23.5505, -46.6333),
        "place": (-23.5505, -46.6333),
        "held_back": SECRETS[2],
    }
    with pf.connect("pets.db", encoder=TableEncoder()) as registry:
        lost: dict[str, Any] = {"status": "lost", "status_at": "2026-10-02", "owner": person, **where}
        registry.dogs.register(pf.Dog(pet_id="luna", name="Luna", photos=[photo(200)], **lost))
        for number in (1, 2):
            found: dict[str, Any] = {"status": "found", "status_at": "2026-10-04", "finder": person, **where}
            registry.dogs.register(pf.Dog(pet_id=f"stray-{number}", photos=[photo(200 + number)], **found))
        yield registry


class Post:
    """A mail server and a hook of this machine: what they took, and how they will answer first; then they take all."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.posts: list[dict[str, Any]] = []
        self.troubles: list[str] = []
        self.hook_troubles: list[str] = []
        self.taken: Callable[[], None] = lambda: None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.open()
        self.hook = ThreadingHTTPServer(("127.0.0.1", 0), self.hook_handler())
        threading.Thread(target=self.hook.serve_forever, daemon=True).start()

    def open(self) -> None:
        self.smtp = Controller(self, hostname="127.0.0.1", port=self.port)
        self.smtp.start()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.troubles[:1] == ["550 nobody here"]:
            return self.troubles.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "drop":
            server.transport.abort()
        if trouble in ("", "slow"):
            self.mails.append(message_from_bytes(envelope.content))
            self.taken()
        if trouble == "slow":
            await asyncio.sleep(30)
        return trouble if trouble[:1].isdigit() else "250 OK"

    def hook_handler(post) -> type[BaseHTTPRequestHandler]:
        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                trouble = post.hook_troubles.pop(0) if post.hook_troubles else ""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if trouble == "drop":
                    self.close_connection = True
                    return
                if not trouble:
                    post.posts.append(body)
                self.send_response(int(trouble or 200))
                self.end_headers()

            def log_message(self, *args: Any) -> None: ...

        return Hook

    def mail_url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?smtp=127.0.0.1&from=alerts@petfinder.test&to=ully@example.org"

    def hook_url(self) -> str:
        return f"json://t0ken:pa55word@127.0.0.1:{self.hook.server_port}/t0ken"


@pytest.fixture
def post() -> Iterator[Post]:
    server = Post()
    yield server
    server.smtp.stop()
    server.hook.shutdown()
    server.hook.server_close()


def watching(town: pf.Registry, *receivers: tuple[str, str], said: list[str] | None = None, **given: Any) -> Watch:
    """A watch that keeps its state in state.json; receivers: a name and a URL."""
    more = {name: given.pop(name) for name in ("least", "digest") if name in given}
    channels = [Channel(Receiver.model_validate({"name": name, "url": url, **more})) for name, url in receivers]
    heard: list[str] = [] if said is None else said
    given = {"an_hour": 60, "pauses": (0, 0), **given}
    return Watch(town, channels, Path("state.json"), say=heard.append, **given)


def ids(mails: list[Message]) -> list[str]:
    return [str(mail["Message-ID"]) for mail in mails]


def text_of(mail: Message) -> str:
    payload = next(part for part in mail.walk() if part.get_content_type() == "text/plain").get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_each_receiver_is_told_of_each_pair_once_in_words_with_both_photos(town: pf.Registry, post: Post) -> None:
    watch = watching(town, ("ully", post.mail_url()), ("hook", post.hook_url()))

    assert watch.round()
    assert watch.round()
    assert watching(town, ("ully", post.mail_url()), ("hook", post.hook_url())).round()

    first, _ = post.mails
    assert len({*ids(post.mails)}) == 2
    assert first.get_all("Message-ID") == ids([first])
    assert ids([first])[0].endswith("@petfinder.test>")
    assert first["Subject"] == post.posts[0]["title"] == "Possible match: Luna (lost) and a dog (found)"
    assert (
        text_of(first)
        .replace("\r\n", "\n")
        .startswith(
            "Possible match: Luna (lost) and a dog (found)\n"
            "Luna, dog, lost since 2026-10-02, id luna, photo 1a.jpg\n"
            "stray-1, dog, found on 2026-10-04, id stray-1, photo 1b.jpg\n"
            "60% that they are one animal: very alike; about 1 km from home\n"
            "Noticed on 2026-10-05, pair pair-1\n"
        )
    )
    assert "pair-2" in post.posts[1]["message"]
    photos = [part.get_payload(decode=True) for part in first.walk() if part.get_content_type() == "image/jpeg"]
    kept = [town.dogs.get(pet_id).photos[0].thumbnail for pet_id in ("luna", "stray-1")]
    assert photos == kept
    assert not any(Image.open(BytesIO(picture or b"")).getexif() for picture in kept)


@pytest.mark.parametrize("trouble", ["550 nobody here", "451 later", "554 no", "drop", "slow"])
def test_a_mail_server_in_trouble_loses_nothing_and_holds_up_nobody(
    town: pf.Registry, post: Post, trouble: str
) -> None:
    said: list[str] = []
    url = post.mail_url() + ("&cto=1" if trouble == "slow" else "")
    watch = watching(town, ("ully", url), ("hook", post.hook_url()), said=said)
    post.troubles = [trouble] * 4

    assert not watch.round()
    told_before = ids(post.mails)
    assert watch.round()

    assert len(post.posts) == 2
    assert "ully could not be told" in " ".join(said)
    assert told_before == ids(post.mails[-2:])[:1] * (3 if trouble == "slow" else 0)
    assert [text_of(mail).split("pair ")[1].split()[0] for mail in post.mails[-2:]] == ["pair-1", "pair-2"]


@pytest.mark.parametrize("trouble", ["500", "404", "drop"])
def test_a_hook_in_trouble_is_told_later_and_a_server_that_is_not_there_once_it_is(
    town: pf.Registry, post: Post, trouble: str
) -> None:
    post.smtp.stop()
    post.hook_troubles = [trouble] * 3
    watch = watching(town, ("ully", post.mail_url()), ("hook", post.hook_url()))

    assert not watch.round()
    assert not post.posts + post.mails
    post.open()
    assert watch.round()
    assert (len(post.posts), len(post.mails)) == (2, 2)


def command(*words: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    code = (
        "import petfinder as pf; from tests.test_alerts import alerts_of_all; pf.Registry.alerts = alerts_of_all;"
        "from tests.conftest import TableEncoder; import petfinder.registry.connect as c;"
        "from petfinder.cli import watch; opened = watch.open_registry;"
        "watch.open_registry = lambda *a, **k: opened(*a, **k, encoder=TableEncoder());"
        "from petfinder.cli import main; main()"
    )
    line = [sys.executable, "-c", code, "watch", "--registry", "pets.db", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(line, env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def settings(*receivers: tuple[str, str], more: str = "") -> None:
    lines = [f'[[alerts]]\nname = "{name}"\nurl = "{url}"\n' for name, url in receivers]
    Path("petfinder.toml").write_text(more + "\n".join(lines))


def test_a_process_killed_after_sending_and_before_saving_tells_again_under_the_same_message_id(
    town: pf.Registry, post: Post
) -> None:
    settings(("ully", post.mail_url()))
    running: list[subprocess.Popen[str]] = []
    ready = threading.Event()

    def kill() -> None:
        ready.wait()
        running[0].kill()
        running[0].wait()

    post.taken = kill
    running.append(command("--once", "--state", "state.json"))
    ready.set()
    assert running[0].wait(60) == -signal.SIGKILL
    running[0].communicate()
    post.taken = lambda: None

    again = command("--once", "--state", "state.json")
    _, said = again.communicate(timeout=60)

    assert (again.returncode, len(post.mails)) == (0, 3), said
    assert ids(post.mails)[0] == ids(post.mails)[1] != ids(post.mails)[2]


def test_ctrl_c_ends_a_watch_that_goes_on_and_what_it_says_has_no_contact_and_no_url(
    town: pf.Registry, post: Post
) -> None:
    settings(("ully", post.mail_url()), ("hook", post.hook_url()))
    told = threading.Event()
    post.taken = lambda: told.set() if len(post.mails) == 2 else None

    with command("--every", "3600") as running:
        assert told.wait(60)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)

    assert running.returncode == 130, said
    assert "told ully: Possible match: Luna (lost) and a dog (found)" in said
    [state] = Path("config", "petfinder").glob("alerts-*.json")
    assert not [secret for secret in (*SECRETS, "127.0.0.1") if secret in said + state.read_text()]


def test_the_cap_holds_back_and_loses_nothing(town: pf.Registry, post: Post) -> None:
    town.dogs.register(pf.Dog(pet_id="stray-3", status="found"))  # without photo
    now = 1_800_000_000.0

    def mails_after(seconds: float) -> int:
        nonlocal now
        now += seconds
        assert watching(town, ("ully", post.mail_url()), an_hour=1, clock=lambda: now).round()
        return len({*ids(post.mails)})

    assert [mails_after(seconds) for seconds in (0, 0, 3599, 1, 60)] == [1, 1, 1, 2, 2]
    assert mails_after(-(10**6)) == 3  # the clock was wrong, and what it said holds back nothing


def test_a_digest_tells_all_new_pairs_in_one_message_a_day_with_ten_pictures_at_most(
    town: pf.Registry, post: Post
) -> None:
    now = 1_800_000_000.0
    digest = watching(town, ("ully", post.mail_url()), digest="daily", clock=lambda: now)
    for number in range(3, 8):
        town.dogs.register(pf.Dog(pet_id=f"stray-{number}", status="found", photos=[photo(200 + number)]))

    assert digest.round()
    town.dogs.register(pf.Dog(pet_id="stray-8", status="found", photos=[photo(210)]))
    assert digest.round()
    [mail] = post.mails
    assert mail["Subject"] == "7 possible matches"
    assert text_of(mail).count("that they are one animal") == 7
    assert [part.get_content_type() for part in mail.walk()].count("image/jpeg") == 10

    now += 86400
    assert digest.round()
    assert "stray-8" in text_of(post.mails[1])
    assert "stray-7" not in text_of(post.mails[1])


def test_pairs_below_the_least_probability_are_passed_over_for_good(town: pf.Registry, post: Post) -> None:
    assert watching(town, ("ully", post.mail_url()), least=0.9).round()
    assert watching(town, ("hook", post.hook_url()), least=0.95).round()

    assert ["pair-2" in text_of(mail) for mail in post.mails] == [True]
    assert json.loads(Path("state.json").read_text())["hook"] == ["0002", []]
    assert post.posts == []


def test_contact_what_is_held_back_exact_places_and_urls_are_nowhere(
    town: pf.Registry, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = StringIO()
    monkeypatch.setattr(logging.getLogger("mail.log"), "propagate", False)  # the server's own
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(log)])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    logging.root.setLevel(logging.DEBUG)
    settings(("ully", post.mail_url()), ("hook", post.hook_url()), more="alerts_an_hour = 5\n")
    post.troubles, post.hook_troubles = ["550 nobody here", "554 no", "drop"], ["500"] * 3
    said: list[str] = []
    watch = watching(town, ("ully", post.mail_url()), ("hook", post.hook_url()), said=said)
    assert not watch.round()
    assert watch.round()

    body = [mail.as_string().replace("To: ully@example.org", "") for mail in post.mails] + [str(post.posts)]
    texts = [text_of(mail) for mail in post.mails]
    seen = [*said, *texts, *body, log.getvalue(), repr(watch), repr(load_settings()), Path("state.json").read_text()]
    assert len(texts) == len(post.posts) == 2
    assert not [secret for secret in SECRETS if secret in " ".join(seen)]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "write whom to tell"),
        ('[[alerts]]\nname="a"\nurl="json://pa55word"\n' * 2, "a name of its own"),
        ('[[alerts]]\nname="a"\nurl="nothing://pa55word"\n', "no URL that apprise knows"),
        ('[[alerts]]\nname="a"\nurl="mailto://u:pa55word@x.org?to=a@x.org,b@x.org"\n', "several addresses"),
        ('[[alerts]]\nname="a"\nurl="mailto://u:pa55word@x.org?to=a@x.org&bcc=b@x.org"\n', "several addresses"),
        ('[[alerts]]\nname="a"\nurl="json://pa55word"\nleast=7\n', "alerts.0.least"),
        ('[[alerts]]\nurl="json://pa55word"\n', "alerts.0.name"),
    ],
)
def test_receivers_that_cannot_be_used_are_refused_without_their_url(
    town: pf.Registry, written: str, sentence: str
) -> None:
    Path("petfinder.toml").write_text(written)
    result = CliRunner().invoke(app, ["watch", "--registry", "pets.db"])

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "pa55word" not in result.output


def test_a_state_that_cannot_be_read_or_written_and_a_missing_package_tell_nobody(
    town: pf.Registry, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("state.json").write_text("{")
    with pytest.raises(pf.ConfigError, match="cannot be read as what alerts told"):
        watching(town, ("ully", post.mail_url()))
    Path("state.json").unlink()
    Path("state.json").mkdir()
    with pytest.raises(pf.ConfigError):
        watching(town, ("ully", post.mail_url()))
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.delitem(sys.modules, "petfinder.alerts.channel")
    with pytest.raises(pf.ConfigError, match=r"\[alerts\]"):
        import_module("petfinder.alerts.channel")
    assert post.mails == []
