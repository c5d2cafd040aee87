"""The page of all settings and the file of `offhook init`: complete, current, and readable by what reads them."""

import tomllib
from pathlib import Path

import pytest

from offhook.settings.config import Config
from offhook.settings.conversation_sections import VadConfig
from offhook.settings.document import keys, page, sections, summary, template, values_of
from offhook.settings.sections import HttpConfig, RtpConfig

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == page(), "make docs"


def test_the_readme_leads_to_it() -> None:
    assert "docs/configuration.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("section", sections())
def test_every_section_and_every_key_says_what_it_is_for(section: str) -> None:
    assert section == "routes" or summary(section)
    for key, field in keys(section).items():
        assert field.description, f"{section}.{key} has no text below it"
        assert f"| `{key}`" in page()


def test_what_may_be_written() -> None:
    assert values_of(RtpConfig.model_fields["port_min"]) == "1024 to 65534"
    assert values_of(RtpConfig.model_fields["codecs"]) == 'a list of `"PCMU"`, `"PCMA"`, `"G722"`, `"OPUS"`'
    assert values_of(RtpConfig.model_fields["ptime_ms"]) == "`10`, `20`, `30`, `40`, `60`"
    assert values_of(HttpConfig.model_fields["enabled"]) == "`true`, `false`"
    assert values_of(VadConfig.model_fields["start_threshold"]) == "above 0, below 1"


def test_the_written_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "offhook.toml"
    path.write_text(template())
    assert Config.load(path) == Config()
    path.write_text(template(flow="flow.yaml"))
    assert Config.load(path).dialog.flow == tmp_path / "flow.yaml"


def test_every_commented_key_may_be_uncommented(tmp_path: Path) -> None:
    keys_of: dict[str, set[str]] = {}
    lines = []
    for line in template().splitlines():
        bare = line.removeprefix("# ")
        name = bare.partition(" = ")[0]
        if line.startswith("# ") and " = " in bare and name.isidentifier():
            line = bare  # noqa: PLW2901
        lines.append(line)
    text = "\n".join(lines).partition("# [trunks.NAME]")[0].replace('"..."', '"a-long-password"')
    keys_of = {section: set(values) for section, values in tomllib.loads(text).items()}
    by_name = ("trunks", "queues", "webhooks", "routes")
    assert keys_of == {section: set(keys(section)) for section in sections() if section not in by_name}
    path = tmp_path / "offhook.toml"
    path.write_text(text)
    Config.load(path)
