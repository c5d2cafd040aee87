"""`[webhooks.NAME]` and `[mail]`: what they are, and what is wrong with them."""

from pathlib import Path

import pytest

from offhook.settings.config import Config
from offhook.usererror import UserError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MAIL = "[mail]\nsender = 'a@b.c'\nrecipients = ['a@b.c']\n"


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "offhook.toml"
    path.write_text(text)
    return Config.load(path)


def problem(tmp_path: Path, text: str) -> str:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    return caught.value.render()


def test_a_webhook_and_its_secret_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_WEBHOOKS__CRM__SECRET", SECRET)
    monkeypatch.setenv("OFFHOOK_WEBHOOKS__CRM__EVENTS", '["call.ended"]')
    config = load(tmp_path, '[webhooks.crm]\nurl = "https://crm.example.com/calls"\n')
    assert (config.webhooks["crm"].secret, config.webhooks["crm"].events) == (SECRET, ("call.ended",))
    assert config.redacted()["webhooks"]["crm"]["secret"] == "***" and SECRET not in repr(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[webhooks]\nurl = 'https://crm.example.com'\n", "[webhooks.url]"),
        ("[webhooks.CRM]\nurl = 'https://crm.example.com'\n", "cannot be a webhook"),
        ("[webhooks.mail]\nurl = 'https://crm.example.com'\n", "`[mail]`"),
        ("[webhooks.crm]\n", "`webhooks.crm.url` is missing"),
        ("[webhooks.crm]\nurl = 'crm.example.com'\n", "http"),
        ("[webhooks.crm]\nurl = 'http://10.0.0.1/'\n", "allow_private"),
        ("[webhooks.crm]\nurl = 'https://crm.example.com'\nsecret = 'abc'\n", "whsec_"),
        ("[webhooks.crm]\nurl = 'https://crm.example.com'\nevents = ['call.over']\n", "call.ended"),
        ("[webhooks.crm]\nurl = 'https://crm.example.com'\nevents = []\n", "events"),
        ("[webhooks.crm]\nurl = 'https://crm.example.com'\nretries = 3\n", "there is no key `retries`"),
        ("[mail]\nhost = 'smtp.example.com'\n", "sender"),
        ("[mail]\nhost = 'smtp.example.com'\nsender = 'a@example.com'\n", "recipients"),
        ("[mail]\nhost = 'h'\nsender = 'a@b.c'\nrecipients = ['a@b.c']\nuser = 'x'\n", "password"),
        ("[mail]\nsender = 'Bot <a@b.c>'\n", "an address alone"),
        (f"{MAIL}host = 'smtp.example.com'\nuser = 'x'\npassword = 'y'\nencryption = 'none'\n", "in the clear"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    found = problem(tmp_path, text)
    assert said in found and "offhook.toml" in found


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_password_may_go_in_the_clear_on_this_machine(tmp_path: Path, host: str) -> None:
    text = f"{MAIL}host = '{host}'\nuser = 'x'\npassword = 'y'\nencryption = 'none'\n"
    assert load(tmp_path, text).mail.host == host


def test_a_file_with_a_password_is_beside_the_settings(tmp_path: Path) -> None:
    assert load(tmp_path, "[mail]\npassword_file = 'mail'\n").mail.password_file == tmp_path / "mail"
    assert load(tmp_path, "[mail]\npassword_file = '/run/mail'\n").mail.password_file == Path("/run/mail")


def test_the_secret_is_not_shown_where_it_is_wrong(tmp_path: Path) -> None:
    text = "[webhooks.crm]\nurl = 'https://crm.example.com'\nsecret = 'whsec_c2hvcnQ='\n"
    assert "c2hvcnQ" not in problem(tmp_path, text)


@pytest.mark.parametrize(("encryption", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_each_way_to_encrypt_has_its_port(tmp_path: Path, encryption: str, port: int) -> None:
    assert load(tmp_path, f"[mail]\nencryption = '{encryption}'\n").mail.server_port == port
    assert load(tmp_path, f"[mail]\nencryption = '{encryption}'\nport = 2525\n").mail.server_port == 2525
