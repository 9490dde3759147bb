"""The command as a shell sees it: version, completion, colours, help, what it loads, the page and its passphrase."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import petfinder
from petfinder.cli.app import HOMES, app
from petfinder.page import serve
from petfinder.registry.settings import load_settings
from tests.test_cli import folder, registered, run
from tests.test_service import sure

__all__ = ["folder", "registered"]

INDEX_VERBS = ("create", "list", "info", "rebuild", "delete", "rename")
FIND = ("find", "photos/luigi.png", "-k", "1", "--registry", "pets.db")
TOO_HEAVY = (
    "jinja2 matplotlib pandas torch elasticsearch IPython ipywidgets fastapi uvicorn sentence_transformers "
    "petfinder.evaluation.calibration petfinder.evaluation.compare petfinder.registry.copy "
    "petfinder.evaluation.evaluate petfinder.evaluation.result petfinder.evaluation.metrics petfinder.training.tune "
    "petfinder.cli.demo petfinder.tables.writers petfinder.tables.readers petfinder.cli.evaluate "
    "petfinder.cli.train petfinder.cli.indexes"
)


def ran(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "petfinder", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def on_terminal(*words: str, environment: Mapping[str, str]) -> str:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    command = [sys.executable, "-m", "petfinder", *words]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**os.environ, **environment}) as process:
        os.close(theirs)
        written = b""
        try:
            while piece := os.read(ours, 4096):
                written += piece
        except OSError:  # Linux: the other side was closed
            pass
        process.wait(timeout=60)
    os.close(ours)
    return written.decode()


def test_the_version_is_shown_and_every_verb_shows_its_help_with_an_example() -> None:
    listed = run("--help").stdout

    assert run("--version").stdout == f"petfinder {petfinder.__version__}\n"
    assert "Exit codes: 0 found or done; 1 nothing found" in listed
    for verb in HOMES:
        assert re.search(rf"^  {verb} ", listed, re.MULTILINE)
        assert f"Example: petfinder {verb}" in run(verb, "--help").stdout
    of_evaluate = " ".join(run("evaluate", "--help").stdout.split())
    for example in ("evaluate photos/ --encoder", "evaluate --registry pets.db", "--save-thresholds --registry"):
        assert example in of_evaluate
    for verb in INDEX_VERBS:
        assert f"Example: petfinder index {verb}" in run("index", verb, "--help").stdout


def test_a_mistyped_verb_is_put_right_and_each_shell_completes_verbs_options_and_choices() -> None:
    mistyped = run("fnd")
    assert (mistyped.exit_code, "'find'" in mistyped.stderr) == (2, True)
    for line, word, completed in (
        ("petfinder s", 1, ["similar", "status", "stale", "serve"]),
        ("petfinder index re", 2, ["rebuild", "rename"]),
        ("petfinder find --min-s", 2, ["--min-similarity"]),
        ("petfinder status luigi ", 3, ["home", "lost", "found", "sighted", "reunited"]),
    ):
        asked = ran(_PETFINDER_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(word))
        assert (asked.returncode, asked.stdout.split()) == (0, completed)
    for shell in ("bash", "zsh", "fish"):
        shown = ran("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert (shown.returncode, "_PETFINDER_COMPLETE" in shown.stdout) == (0, True), shown.stderr


def test_verdicts_are_coloured_on_a_terminal_and_plain_in_a_pipe(registered: Path) -> None:
    confusing = ("--breed", "match", "--name", "possible")
    assert run("update", "luigi", *confusing, "--registry", "pets.db").exit_code == 0
    coloured = on_terminal(*FIND, environment={"TERM": "xterm", "NO_COLOR": ""})
    unwanted = on_terminal(*FIND, environment={"TERM": "xterm", "NO_COLOR": "1"})
    piped = ran(*FIND)

    assert coloured.startswith("\x1b[1;33mpossible\x1b[0m: ")
    assert coloured.count("\x1b[1;33mpossible\x1b[0m") == coloured.count("\x1b[1;33m") == 2
    assert "\x1b[1;32m" not in coloured
    assert "\x1b" not in unwanted + piped.stdout + piped.stderr
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured).split() == (piped.stdout + piped.stderr).split()


def test_long_work_shows_a_bar_on_a_terminal_and_none_in_a_pipe(registered: Path) -> None:
    named = ("--registry", "pets.db")
    verbs: dict[str, tuple[str, ...]] = {
        "registering": ("register", "photos", *named),
        "exporting": ("export", "out.csv", *named),
        "copying": ("copy", "pets.db", "copy.db"),
        "rebuilding": ("index", "rebuild", "pets-dogs", "--encoder", "pocket-mirrored", *named),
    }

    for what, words in verbs.items():
        assert what in on_terminal(*words, environment={"TERM": "xterm"})
    assert ran("import", "out.csv", "--registry", "new.db").stderr == ""


def test_find_loads_nothing_that_other_verbs_need(registered: Path) -> None:
    code = "import sys; from petfinder.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    code += f"print(*sorted(set({TOO_HEAVY.split()!r}) & set(sys.modules)), file=sys.stderr)"

    loaded = subprocess.run([sys.executable, "-c", code, *FIND], capture_output=True, text=True, timeout=60)

    assert "Luigi" in loaded.stdout
    assert loaded.stderr.splitlines()[1:] == [""]  # behind the line that says whom to call


def test_a_passphrase_becomes_a_line_that_the_settings_file_takes_and_is_asked_for_twice(folder: Path) -> None:
    made, none, short = (
        CliRunner().invoke(app, ["passphrase"], input=text) for text in ("a horse and a battery\n", "", "abc\n")
    )
    (folder / "petfinder.toml").write_text(made.stdout)

    assert [(one.exit_code, one.stdout.count("\n")) for one in (made, none, short)] == [(0, 1), (2, 0), (2, 0)]
    kept = sure(load_settings().passphrase_hash)
    assert kept.get_secret_value().startswith("$argon2id$")

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "petfinder", "passphrase"]
    shown = ""
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True, start_new_session=True
    ) as process:
        os.close(theirs)
        for question in ("Passphrase: ", "Once more: "):
            while not shown.endswith(question):
                shown += os.read(ours, 1024).decode()
            os.write(ours, b"a horse and a battery\n")
        printed, _ = process.communicate(timeout=60)
    os.close(ours)

    assert (process.returncode, printed.startswith("passphrase_hash = '$argon2id$")) == (0, True)
    assert "horse" not in made.output + shown + printed


def test_other_machines_need_a_passphrase(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run("serve", "--registry", "pets.db", "--ip", "0.0.0.0", "--no-open")
    assert (refused.exit_code, "--without-passphrase" in refused.stderr) == (2, True)
    assert not (folder / "pets.db").exists()

    asked: list[tuple[str | None, dict[str, Any]]] = []
    monkeypatch.setattr(serve, "serve", lambda registry, **how: asked.append((registry, how)))

    assert run("serve", "--registry", "pets.db", "--port", "0", "--no-open", "--tiles").exit_code == 0
    unnamed = run("serve")

    (named, how), (default, usual) = asked
    assert (named, how["port"], how["open_browser"], how["tiles"]) == ("pets.db", 0, False, True)
    assert (default, "using ./petfinder.db" in unnamed.stderr) == ("petfinder.db", True)
    assert (usual["ip"], usual["port"], usual["name"]) == ("127.0.0.1", serve.PORT, None)
    assert (usual["encoder"], usual["without_passphrase"]) == (None, False)
