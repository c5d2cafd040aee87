"""What the pages show is right: links, settings, flows, programs, commands, figures."""

import argparse
import ast
import re
import shlex
import shutil
from itertools import takewhile
from pathlib import Path

import pytest
import typer

from offhook.agents.agent_file import parse_agent
from offhook.cli.main import app
from offhook.flow_tools.case_file import parse_cases
from offhook.qa.script.reading import parse_script
from offhook.settings.config import Config
from offhook.settings.flow_file import parse_flow
from offhook.settings.flow_steps.kinds import KINDS
from offhook.testing import phone, relay
from offhook.testing.carrier import __main__ as carrier
from offhook.testing.models import __main__ as models
from offhook.testing.models.file import server_from
from offhook.testing.vendors import __main__ as vendors
from offhook.testing.wav_file import wav
from tests.docs.pages import PAGES, ROOT, blocks, every, name, prose

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = r"(?:\.venv/bin/)?(?:offhook \w|python -m offhook\.\w)"
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(page.read_text(encoding="utf-8")):
        words = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(words.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize(("page", "text"), every("toml"))
def test_settings_can_be_read(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(text)
    Config.load(tmp_path / "offhook.toml")


@pytest.mark.parametrize(("page", "text"), every("yaml"))
def test_flows_are_flows(page: str, text: str, tmp_path: Path) -> None:
    if "\nreplies:" in text:
        server_from(text, page)  # of the scripted model
    elif "steps:\n  - " in text or text.startswith("persona:") or "\npersona:" in text:
        parse_script(text.encode(), page)
    elif "\ncases:" in text:
        parse_cases(text.encode(), Path("shop.test.yaml"))
    elif "instructions:" in text:
        parse_agent(text.encode(), page, {})
    else:
        for sound in re.findall(r"[\w/-]+\.wav", text):
            (tmp_path / sound).parent.mkdir(exist_ok=True)
            (tmp_path / sound).write_bytes(wav(bytes(16_000)))
        for table in (ROOT / "docs").glob("*.csv"):
            shutil.copy(table, tmp_path)
        parse_flow(text.encode(), str(tmp_path / "flow.yaml"))


@pytest.mark.parametrize(("page", "text"), every("python"))
def test_programs_are_python(page: str, text: str) -> None:
    compile(text, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def commands() -> list[tuple[str, str]]:
    """(page, command) of plain blocks and of the prose."""
    found = []
    for page in PAGES:
        for text in blocks(page, ""):
            lines = text.replace("\\\n", " ").splitlines()
            found += [
                (name(page), line) for line in lines if re.match(r"(\.venv/bin/)?(offhook|python -m offhook)", line)
            ]
        inline = re.findall(rf"`({_COMMAND}[^`\n]*)`", prose(page))
        found += [(name(page), line) for line in inline]
    return found


def test_commands_are_found() -> None:
    assert len(commands()) > 20


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_have_these_options(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0].endswith("python"):
        module = words[2].removeprefix("offhook.testing.").removeprefix("offhook.")
        parsers = {
            "carrier": carrier.parser,
            "models": models.parser,
            "phone": phone.parser,
            "relay": relay.parser,
            "vendors": vendors.parser,
        }
        if module not in parsers:
            assert (ROOT / "offhook" / f"{module.replace('.', '/')}.py").exists(), line
            return
        known = options_of(parsers[module]())
    else:
        subcommands = getattr(typer.main.get_command(app), "commands")  # noqa: B009  # click's, whose type typer hides
        assert words[1] in subcommands, line
        command = subcommands[words[1]]
        if (inner := getattr(command, "commands", None)) and len(words) > 2:
            assert words[2] in inner, line
            command = inner[words[2]]
        known = {option for parameter in command.params for option in parameter.opts}
    for word in takewhile(lambda each: each != "--", words):  # what follows is another program's
        if word.startswith("--"):
            assert word.partition("=")[0] in {*known, "--help"}, line


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def test_figures_of_the_readme_are_those_of_the_benchmarks() -> None:
    readme, benchmarks = (ROOT / "README.md").read_text(), (ROOT / "docs" / "benchmarks.md").read_text()
    for bot in ("pipecat", "offhook"):
        ten = re.search(rf"^\| {bot} \| 10 \| (.*?) \| (.*?) \| (.*?) \|", benchmarks, re.MULTILINE)
        assert ten is not None
        response, barge_in, cpu = ten.groups()
        row = re.compile(rf"^\| {bot}[ \d.]* \| {response} ms \| {barge_in} ms \| {cpu} milli-cores \|$", re.MULTILINE)
        assert row.search(readme), row.pattern
    for protocol, column in (("over SIP", 2), ("over Twilio", 3)):
        row_ = next(line for line in readme.splitlines() if line.startswith("| ") and protocol in line)
        for figure in ("the following at so many calls", "response over the silence", "barge-in", "CPU a call"):
            line = next(each for each in benchmarks.splitlines() if each.startswith(f"| {figure}"))
            value = line.split("|")[column + 1].strip()
            shown = f"{float(value):.1f}" if figure == "CPU a call" else value
            assert shown in row_, (figure, value, row_)


def test_the_kinds_of_steps_are_all_listed() -> None:
    page = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
    listed = page.partition("Each step has one of these kinds")[2].partition("```")[0]
    assert not [word for word in KINDS if f"`{word}`" not in listed]


def test_every_page_is_reached() -> None:
    entrances = "".join((ROOT / each).read_text(encoding="utf-8") for each in ("README.md", "CONTRIBUTING.md"))
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name}" in entrances, page.name
