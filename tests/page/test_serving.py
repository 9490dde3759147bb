"""How `petfinder serve` starts, refuses to start, goes on while strangers hold its lines, and ends."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from petfinder.cli.demo import register_bundled
from petfinder.registry.connect import connect
from tests.page.conftest import GARDEN
from tests.page.serving import (
    DATASET,
    PASSPHRASE,
    ROOT,
    Served,
    asked,
    environment,
    eventually,
    let_in,
    served,
    stop,
    with_changed,
)

HOST = "pets.example.org"
PHOTO = ("photos", ("a.jpg", GARDEN.read_bytes()))
HELD = (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
SLOW = (
    b"POST /found HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\nContent-Type: multipart/form-data; boundary=e"
)
SLOW += b"\r\n\r\n"


def line_to(url: str, *, source: str = "127.0.0.1") -> socket.socket:
    place = urlsplit(url)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=60, source_address=(source, 0))


def is_closed(line: socket.socket) -> bool:
    """Wait until the server closes the line, whatever it says before."""
    try:
        while line.recv(2**16):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (("--ip", "0.0.0.0"), {}, "no passphrase is set"),
        (("--host", HOST), {}, "no passphrase is set"),
        (("--host", f"https://{HOST}/"), {}, "without https://"),
        (("--ip", "home"), {}, "no IP address"),
        ((), {"PETFINDER_PASSPHRASE_HASH": "three grey whiskers"}, "petfinder passphrase"),
        ((), {"PETFINDER_TRUSTED_PROXIES": '["10.0.0.300"]'}, "trusted_proxies"),
        (("--registry", "http://127.0.0.1:9"), {}, "127.0.0.1:9"),
        (("--port", "TAKEN"), {}, "port TAKEN"),
    ],
)
def test_what_cannot_work_is_said_before_any_page(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], sentence: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "petfinder", "serve", "--no-open", "--registry", "pets.db", "--port", "0"]
            + [argument.replace("TAKEN", port) for argument in arguments],
            cwd=tmp_path,
            env=environment(**settings),
            capture_output=True,
            text=True,
            timeout=60,
        )

    said = ended.stdout + ended.stderr
    assert sentence.replace("TAKEN", port) in said
    assert ended.returncode in (2, 3)
    assert not [text for text in ("petfinder is at", "Traceback", "whiskers") if text in said]
    assert (tmp_path / "pets.db").exists() is ("--port" in arguments)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_with_visitors_inside(tmp_path: Path, locked: dict[str, str], by: signal.Signals) -> None:
    with served("pets.db", tmp_path, "--ip", "0.0.0.0", settings=locked) as running, ExitStack() as inside:
        here = f"http://127.0.0.1:{urlsplit(running.url).port}/"
        lines = [inside.enter_context(closing(line_to(here))) for _ in range(4)]
        for line, sent in zip(lines, (*HELD, SLOW, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), strict=True):
            line.sendall(sent)
        assert lines[-1].recv(2**16).startswith(b"HTTP/1.1 200")
        searching = threading.Thread(target=lambda: asked(here, "/found", form=[PHOTO]))
        searching.start()
        assert stop(running, by) == 0
        searching.join()

    assert "What visitors send is not encrypted here" in running.said
    assert not [text for text in ("Traceback", "ERROR", "Cancel", "Exception") if text in running.said]
    with connect(tmp_path / "pets.db") as registry:
        assert registry.dogs.count() == 0


def test_lines_held_open_are_closed_and_others_are_served_meanwhile(tmp_path: Path) -> None:
    impatient = with_changed(serve__IDLE_SECONDS=1, safety__BODY_SECONDS=1)
    with served("pets.db", tmp_path, command=impatient) as running, ExitStack() as held:
        lines = [held.enter_context(closing(line_to(running.url))) for _ in range(300)]
        for number, line in enumerate(lines[1:]):
            line.sendall(HELD[number % 2])
        assert asked(running.url, "/").status == 200
        lines[0].sendall(SLOW)
        assert lines[0].recv(12) == b"HTTP/1.1 408"
        assert all(is_closed(line) for line in lines)
        assert asked(running.url, "/").status == 200
        assert "Traceback" not in running.said


def test_one_address_has_so_many_lines_and_others_have_theirs(tmp_path: Path) -> None:
    with served("pets.db", tmp_path, command=with_changed(serve__MOST_LINES=5)) as running, ExitStack() as held:
        lines = [held.enter_context(closing(line_to(running.url, source="127.0.0.2"))) for _ in range(9)]
        assert [is_closed(line) for line in lines[5:]] == [True] * 4
        with pytest.raises((ConnectionError, HTTPException)):
            asked(running.url, "/", source="127.0.0.2")
        assert asked(running.url, "/", source="127.0.0.3").status == 200
        for line in lines:
            line.close()
        assert eventually(lambda: asked(running.url, "/", source="127.0.0.2").status == 200)


def test_searches_wait_in_a_line_and_a_full_one_says_how_long_it_is(tmp_path: Path) -> None:
    narrow = with_changed(searches__MOST_WAITING=2, searches__AT_ONCE=1)
    with served("pets.db", tmp_path, command=narrow) as running, ThreadPoolExecutor(12) as crowd:
        answers = [*crowd.map(lambda _: asked(running.url, "/found", form=[PHOTO]), range(12))]
        full = [one for one in answers if one.status == 429]

        assert full
        assert {one.status for one in answers} == {303, 429}
        assert all("2 others are before you" in one.text for one in full)
        assert {one.headers["Retry-After"] for one in full} == {"30"}
        assert asked(running.url, "/health").text == '{"waiting":0}'
        assert asked(running.url, "/found", form=[PHOTO]).status == 303


def test_two_registries_are_served_side_by_side_and_keep_their_volunteers_apart(
    tmp_path: Path, locked: dict[str, str]
) -> None:
    with served("one.db", tmp_path, settings=locked) as one, served("two.db", tmp_path, settings=locked) as two:
        cookies = {let_in(one.url), let_in(two.url)}
        for url in (one.url, two.url):
            assert asked(url, "/volunteers/stale", cookie="; ".join(cookies)).status == 200
            assert [asked(url, "/volunteers/stale", cookie=cookie).status for cookie in cookies].count(200) == 1


def test_a_registry_that_went_away_is_a_sentence_and_a_line_in_the_log(tmp_path: Path) -> None:
    with served("pets.db", tmp_path) as running:
        asked(running.url, "/")
        for file in tmp_path.glob("pets.db*"):
            file.write_bytes(b"no database " * 4096)
        for path in ("/pets?words=a+secret", "/volunteers", "/health"):
            answer = asked(running.url, path)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert "The registry does not answer just now" in answer.text
            assert str(tmp_path) not in answer.text

    assert "pets.db" in running.said
    assert not [text for text in ("Traceback", "secret") if text in running.said]


@contextmanager
def behind_nginx(nginx: str, folder: Path, page: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    """An https server named pets.example.org before the page: its port, and who trusts its certificate."""
    authority = trustme.CA()
    authority.issue_cert(HOST, "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "pair.pem"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(f"""
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; worker_processes 1;
events {{}}
http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; client_max_body_size 30m;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/pair.pem; ssl_certificate_key {folder}/pair.pem;
    location / {{ proxy_pass {page}; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}
""")
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    try:
        assert eventually((folder / "nginx.pid").exists)
        yield port, trusting
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_behind_a_web_server_with_https_the_cookie_is_secure_and_cards_have_https(
    tmp_path: Path, locked: dict[str, str], nginx: str
) -> None:
    with connect(tmp_path / "pets.db") as registry:
        register_bundled(registry, DATASET, progress=False)
    with (
        served("pets.db", tmp_path, "--host", HOST, settings=locked) as running,
        behind_nginx(nginx, tmp_path, running.url) as (port, trusting),
    ):
        got = partial(asked, f"https://127.0.0.1:{port}/", trusting=trusting, source="127.0.0.5")
        named = {"Host": HOST, "Origin": f"https://{HOST}"}

        given = got("/volunteers", named, form=[("passphrase", PASSPHRASE)])
        assert given.status == 303
        assert "; Secure" in given.headers["Set-Cookie"]
        assert "max-age" in given.headers["Strict-Transport-Security"]
        pet = re.findall(r'"(/pets/[\w-]+)"', got("/pets", named).text)[0]
        assert f'content="https://{HOST}/cards/' in got(pet, named).text
        guessed = [got("/volunteers", named, form=[("passphrase", "guessed")], by=f"10.0.0.{one}") for one in range(6)]
        assert guessed[-1].status == 429  # whoever says for whom they ask is still one address
        assert got("/", {"Host": "other.example.org"}).status == 421
        assert got("/found", {"Host": HOST, "Origin": f"https://{HOST}.example.com"}, form=[]).status == 403
        assert f"https://{HOST}/" in running.said


def test_it_serves_from_the_installed_package(tmp_path: Path) -> None:
    built, installed, folder = tmp_path / "built", tmp_path / "installed", tmp_path / "elsewhere"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    folder.mkdir()
    settings = {"PYTHONPATH": str(installed)}

    with served("pets.db", folder, settings=settings) as running:
        answers = [asked(running.url, path) for path in ("/", "/static/page.css", "/static/page.js", "/found")]

    code = "import petfinder; print(petfinder.__file__)"
    shown = subprocess.check_output([sys.executable, "-c", code], cwd=folder, env=environment(**settings), text=True)
    assert shown.startswith(str(installed))
    assert [one.status for one in answers] == [200] * 4
    assert "<title>petfinder" in answers[0].text


@pytest.mark.slow
def test_a_visitor_is_served_while_somebody_tries_everything_for_20_seconds(town: Served) -> None:
    until, bomb = time.monotonic() + 20, ("photos", ("a.jpg", b"\xff\xd8\xff\xe0" * 2**20))

    def hostile(number: int) -> int:
        tried, address = 0, f"127.0.1.{number + 1}"
        while time.monotonic() < until:
            with ExitStack() as held:
                try:
                    for sent in (*HELD, SLOW, b"\0" * 9999, SLOW + b"--edge\r\n" * 20):
                        held.enter_context(closing(line_to(town.url, source=address))).sendall(sent)
                    for form in ([PHOTO], [bomb] * 5, [("passphrase", "guessed")], [PHOTO] * 12):
                        asked(town.url, "/volunteers" if len(form[0][1]) > 2 else "/found", form=form, source=address)
                    for path in ("/pets?words=a&near=1,1&km=50", "/map.svg?lat=1&lon=1", "/", "/static/%00"):
                        asked(town.url, path, source=address)
                except OSError:
                    pass
            tried += 1
        return tried

    with ThreadPoolExecutor(6) as strangers:
        trying = [strangers.submit(hostile, number) for number in range(6)]
        answers = []
        while time.monotonic() < until:
            answers += [asked(town.url, path, by="10.40.0.1").status for path in ("/", "/pets", "/found")]
        found = asked(town.url, "/found", form=[PHOTO], by="10.40.0.1")

    assert sum(one.result() for one in trying) > 6
    assert {*answers} == {200}
    assert len(answers) > 30
    assert found.status == 303
    assert re.fullmatch(r"petfinder is at http://\S+ \(Ctrl-C ends it\)\n", town.said)
