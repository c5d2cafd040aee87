"""The certificate for SIP over TLS: what is wrong with it is said in three parts."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.process.tls_files import days_left, open_tls
from offhook.settings.sections import SipConfig
from offhook.usererror import UserError
from tests.certificates import Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def settings(issued: Issued, **others: Path) -> SipConfig:
    return SipConfig.model_validate({"tls_certificate": issued.certificate, "tls_key": issued.key, **others})


def test_a_certificate_and_its_days(authority: Authority) -> None:
    issued = authority.issue("bot.test", days=20)
    tls = open_tls(settings(issued))
    assert days_left(tls, issued.certificate, time.time()) == pytest.approx(20, abs=0.1)


def test_without_a_certificate_nobody_can_connect() -> None:
    tls = open_tls(SipConfig())
    assert tls.server is None
    assert tls.client.check_hostname


def test_key_in_the_certificates_file(authority: Authority) -> None:
    issued = authority.issue("bot.test")
    both = issued.certificate.with_name("both.pem")
    both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    assert open_tls(SipConfig(tls_certificate=both)).server is not None


def test_one_that_has_ended(authority: Authority) -> None:
    issued = authority.issue("bot.test", days=-1)
    tls = open_tls(settings(issued))
    with pytest.raises(UserError) as raised:
        days_left(tls, issued.certificate, time.time())
    assert "expired" in raised.value.problems[0].why


def _encrypt(issued: Issued) -> None:
    command = ["openssl", "pkey", "-in", str(issued.key), "-aes256", "-passout", "pass:secret"]
    issued.key.write_bytes(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda issued: issued.certificate.unlink(), "No such file"),
        (lambda issued: issued.key.unlink(), "No such file"),
        (lambda issued: issued.certificate.write_text("nonsense"), "PEM"),
        (lambda issued: issued.key.write_text("nonsense"), "no key in"),
        (_encrypt, "is encrypted"),
    ],
)
def test_what_cannot_be_used(authority: Authority, spoil: Callable[[Issued], object], why: str) -> None:
    issued = authority.issue("bot.test")
    spoil(issued)
    with pytest.raises(UserError) as raised:
        open_tls(settings(issued))
    (problem,) = raised.value.problems
    assert why in problem.why
    assert problem.todo


def test_the_key_of_another(authority: Authority) -> None:
    issued, other = authority.issue("bot.test"), authority.issue("other.test")
    with pytest.raises(UserError) as raised:
        open_tls(settings(Issued(issued.certificate, other.key)))
    assert "belongs to another" in raised.value.problems[0].why


def test_authorities_that_are_none(authority: Authority) -> None:
    issued = authority.issue("bot.test")
    with pytest.raises(UserError) as raised:
        open_tls(settings(issued, tls_authorities=issued.key))
    assert "PEM" in raised.value.problems[0].why
