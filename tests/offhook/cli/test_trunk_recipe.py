"""Recipes: our side loads as settings, the other side is what its program reads."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from offhook.cli.trunk_recipe import names
from offhook.settings.config import Config
from tests.offhook.cli.conftest import Run

PROVIDERS = [
    "twilio",
    "telnyx",
    "vonage",
    "plivo",
    "voipms",
    "fritzbox",
    "freepbx",
    "asterisk",
    "3cx",
    "genesys",
    "zoom",
    "chime",
    "teams-sbc",
    "kamailio",
]
OURS = ("--public-ip", "198.51.100.7", "--number", "+4930123456", "--bot-host", "bot.example.org")


def test_all_are_there() -> None:
    assert set(names()) == set(PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_our_side_loads(run: Run, tmp_path: Path, provider: str) -> None:
    for given in ((), OURS):
        status, out, err = run("trunk", "recipe", provider, *given, "--side", "ours")
        assert status == 0, err
        (tmp_path / "offhook.toml").write_text(out)
        config = Config.load(tmp_path / "offhook.toml")
        (trunk,) = config.trunks.values()
        assert trunk.host
    assert config.sip.advertised_host == "198.51.100.7"
    assert not trunk.allowed_numbers or "+4930" not in trunk.allowed_numbers[0] or trunk.allowed_numbers[0] != "+4*"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_whole_has_sources_a_date_and_no_gaps(run: Run, provider: str) -> None:
    _, out, _ = run("trunk", "recipe", provider, *OURS)
    assert "# Source: " in out and re.search(r"# As of 20\d\d-\d\d-\d\d\.", out)
    assert "{{" not in out and "}}" not in out.replace("}\n}", "")
    assert f"offhook trunk check {provider.replace('-', '_')}" in out
    _, text, _ = run("trunk", "recipe", provider, *OURS, "--json")
    assert json.loads(text)["date"] >= "2026-11-29"


def test_the_list_and_a_wrong_name(run: Run) -> None:
    status, out, _ = run("trunk", "recipe")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == sorted(PROVIDERS)
    status, _, err = run("trunk", "recipe", "twillio")
    assert status == 2
    assert "did you mean `twilio`?" in err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--host", 'x"\nport = 1'),
        ("--user", "bot]\ntype=x"),
        ("--number", "5551234"),
        ("--public-ip", "example.com"),
        ("--public-ip", 'fe80::1%"\nport = 1'),
        ("--public-ip", "fe80::1%eth0"),
        ("--public-ip", ""),
        ("--trunk", "A B"),
    ],
)
def test_what_would_break_out_of_the_settings_is_refused(run: Run, option: str, value: str) -> None:
    status, out, err = run("trunk", "recipe", "asterisk", option, value)
    assert (status, out) == (2, "")
    assert f"{option} cannot be" in err


def test_settings_are_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(
        '[sip]\nport = 5070\nadvertised_host = "198.51.100.9"\n[rtp]\nport_min = 40000\nport_max = 40099\n'
    )
    _, out, _ = run("trunk", "recipe", "twilio", "--config", "offhook.toml")
    assert "sip:198.51.100.9:5070" in out
    assert "UDP 40000-40099" in out


IPV6 = "2001:db8::7"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_ipv6_address_is_written_as_each_place_wants_it(run: Run, tmp_path: Path, provider: str) -> None:
    _, ours, _ = run("trunk", "recipe", provider, "--public-ip", IPV6, "--side", "ours")
    (tmp_path / "offhook.toml").write_text(ours)
    config = Config.load(tmp_path / "offhook.toml")
    assert (config.sip.host, config.sip.advertised_host) == ("::", IPV6)
    _, theirs, _ = run("trunk", "recipe", provider, "--public-ip", IPV6, "--side", "theirs")
    assert "0.0.0.0" not in theirs
    # Never a port behind the bare address, nor brackets anywhere else.
    for found in re.finditer(re.escape(IPV6), theirs):
        before, behind = theirs[found.start() - 1], theirs[found.end() : found.end() + 4]
        assert (before == "[") == behind.startswith("]"), theirs
        assert not behind.startswith(":") and not behind.startswith("/32"), theirs
        assert before != "[" or behind.startswith("]:"), theirs


def test_what_a_whole_line_becomes(run: Run) -> None:
    _, out, _ = run("trunk", "recipe", "twilio", "--public-ip", IPV6)
    assert "Origination: sip:[2001:db8::7]:5060\n" in out
    assert "2001:db8::7/128, and a credential list" in out
    _, out, _ = run("trunk", "recipe", "asterisk", "--public-ip", IPV6)
    assert "bind=[::]:5060\n" in out
    _, out, _ = run("trunk", "recipe", "twilio", "--public-ip", "198.51.100.7")
    assert "Origination: sip:198.51.100.7:5060\n" in out
    assert "198.51.100.7/32, and a credential list" in out


def test_an_address_with_a_scope_in_the_settings_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text("[sip]\nadvertised_host = 'fe80::1%eth0'\n")
    status, out, err = run("trunk", "recipe", "twilio", "--config", "offhook.toml")
    assert (status, out) == (2, "")
    assert "`sip.advertised_host` cannot be" in err


@pytest.mark.peer
def test_kamailio_takes_its_side(run: Run, tmp_path: Path) -> None:
    kamailio = shutil.which("kamailio")
    assert kamailio is not None, "kamailio is not installed; type: make peers"
    _, out, _ = run("trunk", "recipe", "kamailio", "--side", "theirs", "--public-ip", "198.51.100.7")
    list_file = tmp_path / "dispatcher.list"
    list_file.write_text("1 sip:198.51.100.7:5060\n")
    assert out.startswith("#!KAMAILIO\n")
    modules = next(path for path in Path("/usr").glob("lib*/**/kamailio/modules") if path.is_dir())
    text = out.replace("/etc/kamailio/dispatcher.list", str(list_file))
    (tmp_path / "kamailio.cfg").write_text(re.sub(r'mpath="[^"]*"', f'mpath="{modules}/"', text))
    done = subprocess.run(
        [kamailio, "-c", "-f", str(tmp_path / "kamailio.cfg")], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_asterisk_reads_its_side(run: Run) -> None:
    """pjsip.conf: sections, and in each options that res_pjsip has for its type."""
    options = {
        "transport": {"type", "protocol", "bind"},
        "endpoint": {
            *("type", "context", "disallow", "allow", "auth", "aors", "direct_media", "dtmf_mode", "rtp_symmetric"),
            *("force_rport", "rewrite_contact", "identify_by"),
        },
        "auth": {"type", "auth_type", "username", "password"},
        "aor": {"type", "max_contacts", "remove_existing", "qualify_frequency"},
    }
    _, out, _ = run("trunk", "recipe", "asterisk", "--side", "theirs", "--user", "bot7")
    sections: list[tuple[str, dict[str, str]]] = []
    for line in out.splitlines():
        if line.startswith(";") or not line.strip():
            continue
        if found := re.fullmatch(r"\[([\w-]+)\]", line):
            sections.append((found[1], {}))
        else:
            key, equals, value = line.partition("=")
            assert equals and sections, line
            sections[-1][1][key] = value
    assert [(name, each["type"]) for name, each in sections if name.startswith("bot7")] == [
        ("bot7", "endpoint"),
        ("bot7-auth", "auth"),
        ("bot7", "aor"),
    ]
    for _, each in sections:
        assert set(each) <= options[each["type"]]


def test_recipes_are_toml_without_secrets() -> None:
    folder = Path(__file__).parents[3] / "offhook" / "assets" / "trunks"
    for path in folder.glob("*.toml"):
        found = tomllib.loads(path.read_text())
        assert {"title", "sources", "date", "host", "ours", "theirs", "cannot", "pitfalls"} <= set(found), path
        assert "password =" not in found["ours"], "passwords belong into the environment"
