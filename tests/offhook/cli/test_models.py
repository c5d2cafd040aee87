"""`offhook models`, and what `offhook check` says of them."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.offhook.cli.conftest import Run
from tests.offhook.models.server import Site, serving
from tests.toys import DATA

TOY = DATA / "models" / "vosk-toy.tar.xz"


@pytest.fixture(autouse=True)
def data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("OFFHOOK_MODELS__DIR", str(folder))
    return folder


def test_a_model_from_a_server_to_its_end(run: Run, data_folder: Path) -> None:
    with serving(Site({"/vosk-toy.tar.xz": TOY.read_bytes()}, break_after=[100_000])) as site:
        status, out, err = run("models", "add", f"{site.url}/vosk-toy.tar.xz", "--language", "en", "--name", "toy")
    assert status == 0, err
    assert f"added toy (vosk) in {data_folder / 'toy'}" in out
    assert '`model = "toy"` below `[asr.vosk]`' in out
    assert "fetched 100 %" in err
    assert run("models", "where") == (0, f"{data_folder}\n", "")
    assert run("models", "where", "toy")[1] == f"{data_folder / 'toy'}\n"
    (row,) = json.loads(run("models", "list", "--here", "--json")[1])
    assert (row["name"], row["engine"], row["languages"], row["here"]) == ("toy", "vosk", ["en"], True)
    assert run("models", "remove", "toy")[:2] == (0, "removed toy\n")
    assert not (data_folder / "toy").exists()


def test_the_list_can_be_narrowed(run: Run) -> None:
    _, out, _ = run("models", "list", "--engine", "vosk", "--language", "de-CH")
    lines = out.splitlines()
    assert lines[0].split() == ["NAME", "ENGINE", "LANGUAGE", "MB", "LICENCE"]
    assert len(lines) == 3
    assert all("vosk-model-" in line and " de " in line for line in lines[1:])
    status, _, err = run("models", "list", "--engine", "voks")
    assert (status, "did you mean `vosk`" in err) == (2, True)


def test_what_is_not_here(run: Run) -> None:
    for arguments, todo in (
        (("where", "vosk-model-small-de-0.15"), "offhook models add vosk-model-small-de-0.15"),
        (("add", "vosk-model-small-de"), "did you mean"),
        (("remove", "x"), "type: offhook models list --here"),
        (("add", "nothing-like-it"), "type: offhook models list"),
    ):
        status, _, err = run("models", *arguments)
        assert status == 2
        assert todo in err


def test_a_mirror_from_the_settings(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "vosk-model-small-de-0.15.zip").write_bytes(TOY.read_bytes())
    monkeypatch.setenv("OFFHOOK_MODELS__MIRROR", str(mirror))
    status, out, err = run("models", "add", "vosk-model-small-de-0.15")
    assert status == 0, err
    assert "licence Apache-2.0" in out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path, data_folder: Path) -> None:
    tmp_path.chmod(0o500)
    status, _, err = run("models", "add", str(TOY))
    tmp_path.chmod(0o700)
    assert (status, "cannot be written" in err) == (2, True)


def test_check_says_which_model_is_missing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(
        '[asr]\nengine = "vosk"\n[asr.vosk]\nmodel = "vosk-model-small-en-us-0.15"\n[tts]\nengine = "recorded"\n'
    )
    ports = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--rtp-ports", "20200-20219")
    status, out, _ = run("check", "--config", "offhook.toml", *ports, "--json")
    assert status == 2
    (problem,) = [each for each in json.loads(out)["findings"] if each["level"] == "settings"]
    assert problem["type"] == "offhook models add vosk-model-small-en-us-0.15"
    assert "is not here" in problem["what"]


def test_check_starts_an_engine_with_its_model(run: Run, tmp_path: Path) -> None:
    assert run("models", "add", str(TOY), "--language", "en")[0] == 0
    (tmp_path / "flow.yaml").write_text(
        "name: toy\nstart: ask\nsteps:\n  ask:\n    ask: Which?\n    choices:\n"
        "      sales: {phrases: [sales], key: 1, next: ask}\n      no: {phrases: [no elephants], key: 2, next: ask}\n"
        "    no_input: {attempts: 2, then: end}\n    no_match: {attempts: 2, then: end}\n  end: {hang_up: Goodbye.}\n"
    )
    settings = '[asr]\nengine = "vosk"\nworkers = 1\n[tts]\nengine = "recorded"\n[dialog]\nflow = "flow.yaml"\n'
    (tmp_path / "offhook.toml").write_text(settings)
    ports = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--rtp-ports", "20200-20219")
    _, out, _ = run("check", "--config", "offhook.toml", *ports, "--json")
    found = json.loads(out)["findings"]
    assert any(each["level"] == "ok" and "vosk" in each["what"] for each in found)
    assert [each["what"] for each in found if each["level"] == "settings"] == [
        "the recogniser does not know the word `elephants`"
    ]


def test_check_warns_of_what_a_model_cannot_do(run: Run, tmp_path: Path, vosk_toy: Path) -> None:
    folder = tmp_path / "fixed"
    shutil.copytree(vosk_toy, folder)
    shutil.copy(folder / "static" / "HCLG.fst", folder / "graph")
    ports = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--rtp-ports", "20200-20219")
    plain = tmp_path / "plain"
    shutil.copytree(vosk_toy, plain)
    words = plain / "graph" / "words.txt"
    words.write_text(words.read_text().replace("[unk] ", "rest "))
    for model, grammars, expected in (
        (folder, "", "takes no grammars"),
        (folder, "grammars = false\n", None),
        (plain, "", "finds a choice in whatever is said"),
        (vosk_toy, "", None),
    ):
        options = f'workers = 1\n[asr.vosk]\nmodel = "{model}"\n{grammars}'
        text = f'[asr]\nengine = "vosk"\n{options}[tts]\nengine = "recorded"\n[dialog]\nflow = "flow.yaml"\n'
        (tmp_path / "flow.yaml").write_text("name: a\nstart: a\nsteps:\n  a: {hang_up: Goodbye.}\n")
        (tmp_path / "offhook.toml").write_text(text)
        _, out, _ = run("check", "--config", "offhook.toml", *ports, "--json")
        warnings = [each for each in json.loads(out)["findings"] if each["what"].startswith("the model of vosk")]
        assert [each["level"] for each in warnings] == ["warning"] * (expected is not None)
        assert all(expected in each["what"] for each in warnings if expected)
        assert all(each["why"] and "vosk-model-small-en-us-0.15" in each["type"] for each in warnings)
