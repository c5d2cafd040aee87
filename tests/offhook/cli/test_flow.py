"""`offhook flow`: check, graph, run, test."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offhook.cli.main import app
from offhook.flow_tools.typed import SOUND, TypedCall
from offhook.settings.flow_file import load_flow
from offhook.testing.virtual_time import run
from tests.offhook.flow_tools.test_cases import ANSWERS, FLOW, TALK


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(FLOW)
    (tmp_path / "shop.test.yaml").write_text(f"cases:\n  one: {{{ANSWERS}, {TALK}}}\n")
    return tmp_path


def offhook(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["flow", *map(str, arguments)])


def test_check_tells_doubts_and_fails_on_them_by_wish(shop: Path) -> None:
    flow = shop / "shop.yaml"
    assert offhook("check", flow, "--strict").exit_code == 0
    flow.write_text(FLOW.replace(", key: 2", ""))
    found = offhook("check", flow)
    assert found.exit_code == 0 and "shop.yaml:11:7" in found.stdout and "[no-key]" in found.stdout
    assert offhook("check", flow, "--strict").exit_code == 1
    assert offhook("check", flow, "--strict", "--ignore", "no-key").exit_code == 0
    (told,) = json.loads(offhook("check", flow, "--json").stdout)
    assert told["can_run"] and told["doubts"][0]["where"].endswith("shop.yaml:11:7")


def test_check_of_a_flow_that_cannot_be_run(shop: Path) -> None:
    flow = shop / "shop.yaml"
    flow.write_text(FLOW.replace("next: ask", "next: aks"))
    found = offhook("check", flow, shop / "none.yaml")
    assert found.exit_code == 2 and "there is no step `aks`" in found.stdout and "none.yaml" in found.stdout


def test_graph(shop: Path) -> None:
    assert offhook("graph", shop / "shop.yaml").stdout.startswith("flowchart TD\n")
    picture = shop / "shop.svg"
    drawn = offhook("graph", shop / "shop.yaml", "--svg", picture, "--tests", shop / "shop.test.yaml")
    assert drawn.exit_code == 0 and 'class="missed"' in picture.read_text()


def test_test_of_files_and_folders(shop: Path) -> None:
    passed = offhook("test", shop, "--junit", shop / "out.xml", "--json", shop / "out.json")
    assert passed.exit_code == 0 and "1 passed, 0 failed" in passed.stdout
    assert json.loads((shop / "out.json").read_text())["passed"] == 1
    assert "<testsuite " in (shop / "out.xml").read_text()
    assert offhook("test", shop, "--least", 90).exit_code == 1
    (shop / "shop.test.yaml").write_text(f"cases:\n  one: {{{TALK}}}\n")
    failed = offhook("test", shop / "shop.test.yaml")
    assert failed.exit_code == 1 and "shop.test.yaml:2" in failed.stdout


def typed(*lines: str, now: datetime | None = None, transfers: bool = True) -> list[str]:
    """What is printed to somebody who types these lines."""
    shown, left = list[str](), list(lines)

    def read(prompt: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    flow = load_flow(Path("shop.yaml"))
    call = TypedCall(flow, read, shown.append, verbose=False, now=now, transfers=transfers)
    run(call.run("sip:a@b", "sip:c@d", "en"))
    return shown[1:]


def test_a_message_by_typing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    steps = (
        "leave: {record: Please speak., into: said, next: thanks, otherwise: none}",
        "thanks: {hang_up: Thank you.}",
        "none: {hang_up: You said nothing.}",
    )
    Path("shop.yaml").write_text("\n  ".join(("name: mailbox\nstart: leave\nsteps:", *steps)))
    assert typed("please call me back tomorrow") == ["Please speak.", SOUND, "Thank you.", "the bot hangs up"]
    assert typed("") == ["Please speak.", SOUND, "You said nothing.", "the bot hangs up"]


def test_the_time_of_a_typed_call(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    head = "name: shop\nstart: open\nhours: {shop: {monday-friday: 9-17}}\nsteps:"
    steps = ("open: {if: hours.shop, then: yes, else: no}", "yes: {hang_up: Come in.}", "no: {hang_up: We are closed.}")
    Path("shop.yaml").write_text("\n  ".join((head, *steps)))
    assert typed(now=datetime(2026, 12, 21, 10)) == ["Come in.", "the bot hangs up"]
    assert typed(now=datetime(2026, 12, 21, 18)) == ["We are closed.", "the bot hangs up"]
    shown = offhook("run", "shop.yaml", "--now", "2026-12-21 18:00", "--no-transfers")
    assert shown.exit_code == 0 and "We are closed." in shown.stdout
    assert offhook("run", "shop.yaml", "--now", "noon").exit_code == 2


def test_a_call_by_typing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    welcome, asked = "Welcome. Parcel, or a person?", "GET https://api.example.com/parcels"
    by_speech = typed("my parcel", '{"day": "Monday"}')
    assert by_speech == [welcome, asked, "It comes on Monday.", "Goodbye.", "the bot hangs up"]
    assert typed("#1", '{"day": "Monday"}') == by_speech
    assert typed("#2") == [welcome, "you are connected to desk"]
    assert typed("my parcel", "") == [welcome, asked, "you are connected to desk"]
    assert typed("", "") == [welcome, welcome, "Goodbye.", "the bot hangs up"]
    assert typed() == [welcome, "you hang up"]
    assert typed("#2", transfers=False) == [welcome, "Goodbye.", "the bot hangs up"]
    Path("shop.yaml").write_text(FLOW.replace("    timeout_s: 3\n", "    timeout_s: 3\n    on_status: {404: bye}\n"))
    assert typed("my parcel", "status 404") == [welcome, asked, "Goodbye.", "the bot hangs up"]


def test_no_text_reaches_the_terminal_as_an_escape_sequence(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    Path("shop.yaml").write_text('{name: a, start: bye, steps: {bye: {hang_up: "Bye.\\e[2J"}}}')
    assert typed() == ["Bye.\\x1b[2J", "the bot hangs up"]
