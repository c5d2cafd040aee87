"""Calls over TLS with encrypted media, by a telephone that has its own libraries for both."""

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority, Issued
from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST, free_udp_ports, program
from tests.e2e.test_baresip import LENGTH_S, configure, telephone

pytestmark = pytest.mark.peer


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def issued(authority: Authority) -> Issued:
    return authority.issue(f"IP:{HOST}", "bot.test")


SecureBot = Callable[..., BotProcess]


@pytest.fixture
def secure_bot(start_bot: Callable[..., BotProcess], issued: Issued) -> SecureBot:
    def started(srtp: str) -> BotProcess:
        return start_bot(
            "--bench-engines",
            OFFHOOK_SIP__TLS_CERTIFICATE=str(issued.certificate),
            OFFHOOK_SIP__TLS_KEY=str(issued.key),
            OFFHOOK_SIP__TLS_PORT="0",
            OFFHOOK_RTP__SRTP=srtp,
        )

    return started


def call(bot: BotProcess, directory: Path, authority: Authority, encryption: str = "") -> tuple[str, dict[str, Any]]:
    """A call over TLS: what the telephone said, and the bot's record."""
    said = (bytes(2 * 8_000) + speech("check-my-balance")).ljust(2 * 8_000 * LENGTH_S, b"\0")
    account = f"<sip:qa@{HOST}>;regint=0" + (f";mediaenc={encryption}" if encryption else "")
    configure(
        directory,
        free_udp_ports(2),
        said,
        modules=("srtp",),
        account=account,
        authority=authority.certificate,
    )
    log = telephone(bot, directory, LENGTH_S + 2, f"sip:bot@{HOST}:{bot.tls_port};transport=tls")
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[-1]["end"] is not None)
    return log, bot.finished(bot.records()[-1])


@pytest.mark.parametrize(
    ("srtp", "encryption", "encrypted"),
    [
        ("required", "srtp-mand", 1),
        ("preferred", "srtp-mand", 1),
        ("preferred", "srtp", 1),  # RTP/AVP with keys
        ("preferred", "", 0),
        ("off", "srtp", 0),
    ],
)
def test_baresip_calls_over_tls(
    secure_bot: SecureBot, authority: Authority, tmp_path: Path, srtp: str, encryption: str, encrypted: int
) -> None:
    bot = secure_bot(srtp)
    log, record = call(bot, tmp_path, authority, encryption)
    assert "incoming rtp for 'audio' established" in log
    assert (record["transport"], record["disposition"], record["end_reason"]) == ("tls", "ANSWERED", "caller hung up")
    assert bot.lines(record, "caller") == ["check my balance"]
    rtp = record["rtp"]
    assert (rtp["srtp"], rtp["srtp_replayed"], rtp["lost"]) == (encrypted, 0, 0)
    assert rtp["srtp_rejected"] <= 3, "baresip opens its way with RTCP in the clear, and then encrypts"
    assert rtp["packets_received"] > 50 * (LENGTH_S - 1)
    assert rtp["packets_sent"] > 50
    assert rtp["remote_lost"] == 0, "its reports are encrypted as well, and ours were understood"


def test_the_listener_speaks_1_2_and_later(secure_bot: SecureBot, authority: Authority, issued: Issued) -> None:
    bot = secure_bot("off")

    def shown(*options: str) -> str:
        command = [program("openssl"), "s_client", "-connect", f"{HOST}:{bot.tls_port}", *options]
        done = subprocess.run(
            [*command, "-CAfile", str(authority.certificate)],
            input="",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stdout

    for version, protocol in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        said = shown(version, "-verify_hostname", "bot.test")
        assert protocol in said
        assert "Verify return code: 0 (ok)" in said
    assert "no peer certificate available" in shown("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    renewed = Authority(issued.certificate.parent, "renewed").issue("renewed.test")
    issued.key.write_bytes(renewed.key.read_bytes())
    issued.certificate.write_bytes(renewed.certificate.read_bytes())
    assert ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((HOST, bot.tls_port))) == ssl.PEM_cert_to_DER_cert(
        renewed.certificate.read_text()
    )
