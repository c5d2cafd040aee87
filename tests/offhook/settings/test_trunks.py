"""`[trunks.NAME]` and `[sip.users]`: from file and environment, with their problems."""

from pathlib import Path

import pytest

from offhook.cli.show import as_toml
from offhook.settings.config import Config
from offhook.usererror import Problem, UserError
from tests.offhook.settings.files import write

HOME = '[trunks.home]\nhost = "fritz.box"\nuser = "bot"\nregistration = true\n'


def problem(path: Path) -> Problem:
    with pytest.raises(UserError) as caught:
        Config.load(path)
    (found,) = caught.value.problems
    return found


def test_a_trunk_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_TRUNKS__HOME__PASSWORD", "s3cret")
    monkeypatch.setenv("OFFHOOK_TRUNKS__HOME__ADDRESSES", '["192.0.2.0/24"]')
    monkeypatch.setenv("OFFHOOK_SIP__USERS__ALICE", "pa55")
    config = Config.load(write(tmp_path, HOME))
    trunk = config.trunks["home"]
    assert (trunk.host, trunk.registration, trunk.password) == ("fritz.box", True, "s3cret")
    assert (trunk.aor, trunk.our_user) == ("sip:bot@fritz.box", "bot")
    assert trunk.addresses == ("192.0.2.0/24",)
    assert config.sip.users == {"alice": "pa55"}


def test_no_password_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path, HOME + 'password = "s3cret"\n[sip.users]\nalice = "pa55"\n')
    loaded = Config.load_with_origins(path)
    shown = as_toml(loaded, changed=False) + repr(loaded.config) + str(loaded.config.redacted())
    assert "s3cret" not in shown
    assert "pa55" not in shown
    assert f'password = "***"                         # {path}:5' in shown
    assert 'alice = "***"' in shown


@pytest.mark.parametrize(
    ("given", "hop"),
    [
        ("", ("fritz.box", None)),
        ("port = 5070", ("fritz.box", 5070)),
        ('outbound_proxy = "proxy.example.com"', ("proxy.example.com", None)),
        ('outbound_proxy = "192.0.2.1:5080"', ("192.0.2.1", 5080)),
        ('outbound_proxy = "[2001:db8::1]:5080"', ("2001:db8::1", 5080)),
        ('outbound_proxy = "[2001:db8::1]"', ("2001:db8::1", None)),
    ],
)
def test_where_requests_go(tmp_path: Path, given: str, hop: tuple[str, int | None]) -> None:
    assert Config.load(write(tmp_path, HOME + given)).trunks["home"].next_hop == hop


@pytest.mark.parametrize(
    ("text", "line", "what", "why", "todo"),
    [
        (
            '[trunks.Home]\nhost = "a"',
            1,
            "`Home` cannot be a trunk",
            "its name has small letters, digits and single underscores",
            "write `[trunks.main]` in a line of its own, and the keys below",
        ),
        (
            "[trunks]\nhome = 5",
            2,
            "`home` cannot be a trunk",
            "each has a table of its own",
            "write `[trunks.home]` in a line of its own, and the keys below",
        ),
        (
            "trunks = 5",
            1,
            "`trunks` is not a section",
            "each has a table of its own",
            "write `[trunks.main]` in a line of its own, and the keys below",
        ),
        (
            '[trunks.a]\nhost = "a"\nregistration = true',
            3,
            "`trunks.a.user` is missing",
            "`registration` needs `user`",
            '`user = "bot"` below `[trunks.a]`',
        ),
        (
            '[trunks.a]\nhost = "sip.example.com:5070"',
            2,
            "`trunks.a.host` cannot be 'sip.example.com:5070'",
            "a port has a key of its own: `port = 5070`",
            '`host = "sip.example.com"` below `[trunks.a]`',
        ),
        (
            '[trunks.a]\nuser = "a"',
            1,
            "`trunks.a.host` is missing",
            "`host` is required",
            '`host = "sip.example.com"` below `[trunks.a]`',
        ),
        (
            '[trunks.a]\nhost = "a"\n[[routes]]\ntrunk = "b"\nbot = "a:b"',
            3,
            "a route cannot be for the trunk `b`",
            "there is no `[trunks.b]`",
            '`trunk = "a"` below `[[routes]]`',
        ),
        (
            "[trunks.a]\nhost = 'a'\npassword = 5",
            3,
            "`trunks.a.password` cannot be what it is",
            "it must be a text in quotes",
            '`password = "..."` below `[trunks.a]`',
        ),
    ],
)
def test_problems(tmp_path: Path, text: str, line: int, what: str, why: str, todo: str) -> None:
    path = write(tmp_path, text + "\n")
    found = problem(path)
    assert (found.what, found.why, found.todo) == (what, why, todo)
    assert found.where == f"{path}:{line}"


def test_an_unknown_key_is_found(tmp_path: Path) -> None:
    found = problem(write(tmp_path, HOME + 'passwort = "s3cret"\n'))
    assert found.what == "there is no key `passwort` in `[trunks.home]`"
    assert found.todo == "did you mean `password`?"


def test_a_route_without_trunks_names_none(tmp_path: Path) -> None:
    found = problem(write(tmp_path, '[[routes]]\ntrunk = "home"\nbot = "a:b"\n'))
    assert found.what == "a route cannot be for the trunk `home`"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ('number_format = "national"', "country_code"),
        ('country_code = "+49"', "country_code"),
        ('allowed_numbers = ["+1 555"]', "allowed_numbers"),
        ('caller_id_header = "remote-party-id"', "caller_id_header"),
        ("calls_per_second = -1", "calls_per_second"),
        ('codecs = ["G729"]', "codecs"),
    ],
)
def test_mistakes_of_calls_out(tmp_path: Path, given: str, what: str) -> None:
    with pytest.raises(UserError) as caught:
        Config.load(write(tmp_path, HOME + given))
    assert what in caught.value.problems[0].what


def test_the_token_for_calls_out_is_not_shown(tmp_path: Path) -> None:
    loaded = Config.load_with_origins(write(tmp_path, '[outbound]\ntoken = "a-token-of-some-length"\n'))
    shown = as_toml(loaded, changed=False) + repr(loaded.config) + str(loaded.config.redacted())
    assert "a-token-of-some-length" not in shown
