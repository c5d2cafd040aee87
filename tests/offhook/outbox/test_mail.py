"""Messages of callers as mail: what is in one, and what a mail server that fails does to it."""

import asyncio
import json
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from pydantic import ValidationError
from structlog.testing import capture_logs

from offhook.encryption.keys import read_keys
from offhook.outbox import queue as queue_module
from offhook.outbox import receiver as receiver_module
from offhook.outbox.deliveries import Deliveries
from offhook.outbox.mail import LAST_S, Mailbox, mail_of
from offhook.outbox.receiver import BREAK_AFTER
from offhook.records import RecordStore
from offhook.records.message import save_message
from offhook.records.outbox import MESSAGE, OutboxEvent, OutboxRow
from offhook.settings.mail import MailConfig
from offhook.telephony.tones import tones
from tests.offhook.encryption.keyfile import key_file
from tests.offhook.outbox.parts import settled, until, waiting

CONFIG: dict[str, Any] = {
    "host": "127.0.0.1",
    "encryption": "none",
    "sender": "bot@example.com",
    "recipients": ("desk@example.com", "night@example.com"),
}
DATA = {"uniqueid": "c1", "src": "+15551234567", "dst": "100", "seconds": 1.5, "file": "c1-message-1.wav"}


def row(**data: object) -> OutboxRow:
    body = json.dumps({"type": MESSAGE, "timestamp": "2026-01-01T00:00:00.000Z", "data": {**DATA, **data}})
    return OutboxRow(1, "evt_1", "mail", "c1", MESSAGE, body, 0.0, 0.0, 0, None, False)


def test_a_mail_has_the_sound_and_the_words(tmp_path: Path) -> None:
    save_message(tmp_path, "c1", tones((440.0,), 1_500))
    mail = mail_of(MailConfig(**CONFIG), row(transcript="Please call me back."), tmp_path)
    assert mail["Subject"] == "Message from +15551234567"
    assert mail["Message-ID"] == "<evt_1@example.com>"
    assert (mail["From"], mail["To"]) == ("bot@example.com", "desk@example.com, night@example.com")
    text = mail.get_body()
    assert text is not None and "Please call me back." in text.get_content()
    (sound,) = mail.iter_attachments()
    assert (sound.get_content_type(), sound.get_filename()) == ("audio/wav", "c1-message-1.wav")
    path = tmp_path / "again.wav"
    path.write_bytes(sound.get_content())
    with wave.open(str(path)) as audio:
        assert audio.getnframes() == 12_000


def test_a_mail_goes_without_a_sound_that_is_not_there(tmp_path: Path) -> None:
    assert list(mail_of(MailConfig(**CONFIG), row(), tmp_path).iter_attachments()) == []
    save_message(tmp_path, "c1", bytes(320))
    assert list(mail_of(MailConfig(**CONFIG, attach=False), row(), tmp_path).iter_attachments()) == []


def test_a_mailbox_has_recipients_of_its_own(tmp_path: Path) -> None:
    boxes = {"sales": ("sales@example.com", "boss@example.com"), "repairs": ("repairs@example.com",)}
    config = MailConfig(**CONFIG, boxes=boxes)
    mail = mail_of(config, row(mailbox="sales"), tmp_path)
    assert mail["To"] == "sales@example.com, boss@example.com" and "Mailbox: sales" in mail.get_content()
    for none in (row(), row(mailbox=None)):
        assert mail_of(config, none, tmp_path)["To"] == "desk@example.com, night@example.com"
    assert "Mailbox" not in mail_of(config, row(mailbox=None), tmp_path).get_content()


def test_nobody_else_hears_a_message_whose_mailbox_is_gone(tmp_path: Path) -> None:
    save_message(tmp_path, "c1", tones((440.0,), 1_500))
    config = MailConfig(**CONFIG, boxes={"people": ("people@example.com",)})
    mail = mail_of(config, row(mailbox="hr", transcript="It is about my illness."), tmp_path)
    assert mail["To"] == "desk@example.com, night@example.com" and list(mail.iter_attachments()) == []
    assert "illness" not in mail.as_string() and "no mailbox `hr` any more" in mail.get_content()
    assert len(list(mail_of(config, row(mailbox="people"), tmp_path).iter_attachments())) == 1


@pytest.mark.parametrize("boxes", [{"sales": ()}, {"sales": ("nobody",)}, {"the sales": ("sales@example.com",)}])
def test_a_mailbox_has_a_name_and_recipients(boxes: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValidationError):
        MailConfig(**CONFIG, boxes=boxes)


def test_an_encrypted_message_is_decrypted_for_the_mail(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    pcm = tones((440.0,), 1_500)
    save_message(tmp_path, "c1", pcm, read_keys(keys)[0])
    (sound,) = mail_of(MailConfig(**CONFIG), row(), tmp_path, keys).iter_attachments()
    assert sound.get_content()[44:] == pcm


def test_a_mail_says_that_its_sound_cannot_be_decrypted(tmp_path: Path) -> None:
    path = save_message(tmp_path, "c1", bytes(320), read_keys(key_file(tmp_path))[0])
    for keys in (None, key_file(tmp_path)):
        with capture_logs() as logs:
            mail = mail_of(MailConfig(**CONFIG), row(transcript="Call me."), tmp_path, keys)
        assert list(mail.iter_attachments()) == []
        assert "Call me." in mail.get_content() and "The sound is not attached: it is encrypted" in mail.get_content()
        assert [each["path"] for each in logs] == [str(path)]


@pytest.mark.real_time
async def test_a_message_waits_for_the_key_file(tmp_path: Path, server: "MailServer") -> None:
    keys = key_file(tmp_path)
    save_message(tmp_path, "c1", tones((440.0,), 1_500), read_keys(keys)[0])
    box = Mailbox(MailConfig(**CONFIG, port=server.port), tmp_path, keys)
    for away in (lambda: keys.rename(tmp_path / "away"), lambda: keys.write_text("half of a key")):
        away()
        attempt = await box.deliver(replace(row(), since=time.time()))
        assert attempt.result == "failed" and "the mail was not sent (it is encrypted, and" in attempt.why
        assert attempt.says_nothing and server.asked == 0
    late = replace(row(), since=time.time() - box.give_up_s + LAST_S / 2)
    assert (await box.deliver(late)).result == "delivered", "before it is given up"
    (tmp_path / "away").rename(keys)
    assert (await box.deliver(late)).result == "delivered"
    without, mail = server.mails
    assert [each.get_content_type() for each in mail.iter_attachments()] == ["audio/wav"]
    assert not without.is_multipart() and "The sound is not attached: it is encrypted" in without.get_content()


def test_what_a_caller_sends_is_neither_a_header_nor_a_path(tmp_path: Path) -> None:
    mail = mail_of(MailConfig(**CONFIG), row(src="x\r\nBcc: all@example.com"), tmp_path)
    assert "Bcc" not in mail and "\n" not in mail["Subject"]
    with pytest.raises(ValueError):
        mail_of(MailConfig(**CONFIG), row(file="../../etc/passwd"), tmp_path)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_module, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(receiver_module, "FIRST_BREAK_S", 0.05)
    monkeypatch.setattr(receiver_module, "MAX_BREAK_S", 0.1)
    monkeypatch.setattr(queue_module, "LOOK_S", 0.2)


@pytest.fixture
async def server() -> AsyncIterator["MailServer"]:
    async with MailServer() as one:
        yield one


@pytest.mark.real_time
@pytest.mark.usefixtures("soon")
async def test_a_message_arrives_once_the_server_takes_it(tmp_path: Path, server: "MailServer") -> None:
    save_message(tmp_path, "c1", tones((440.0,), 1_500))
    server.refusals = ["451 4.3.0 Try again later", "550 5.7.1 Not you", "421 4.3.2 Shutting down"]
    box = Mailbox(MailConfig(**CONFIG, port=server.port), tmp_path)
    await delivered(tmp_path, box)
    (mail,) = server.mails
    assert mail["Subject"] == "Message from +15551234567" and server.asked == 4
    assert [each.get_content_type() for each in mail.iter_attachments()] == ["audio/wav"]
    assert server.recipients == ["desk@example.com", "night@example.com"]


@pytest.mark.real_time
@pytest.mark.usefixtures("soon")
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_password_is_proven_and_may_be_in_a_file(tmp_path: Path, server: "MailServer") -> None:
    (tmp_path / "password").write_text("right\n")
    config = MailConfig(**CONFIG, port=server.port, user="bot", password_file=tmp_path / "password")
    server.password = b"right"
    await delivered(tmp_path, Mailbox(config, tmp_path))
    assert server.users == [b"bot"] and len(server.mails) == 1


@pytest.mark.real_time
async def test_who_was_refused_is_named(tmp_path: Path, server: "MailServer") -> None:
    server.full = "night@example.com"
    with capture_logs() as logged:
        attempt = await Mailbox(MailConfig(**CONFIG, port=server.port), tmp_path).deliver(row())
    assert (attempt.result, server.recipients) == ("delivered", ["desk@example.com"])
    assert [each["refused"] for each in logged] == [["night@example.com (SMTP 452)"]]


@pytest.mark.real_time
async def test_nothing_goes_unencrypted_unless_it_may(tmp_path: Path, server: "MailServer") -> None:
    config = MailConfig(**{**CONFIG, "encryption": "starttls"}, port=server.port)
    attempt = await Mailbox(config, tmp_path).deliver(row())
    assert (attempt.result, server.mails) == ("failed", []) and "STARTTLS" in attempt.why


@pytest.mark.real_time
@pytest.mark.usefixtures("soon")
async def test_a_server_that_is_down_for_a_while_loses_nothing(tmp_path: Path) -> None:
    async with MailServer() as gone:
        port = gone.port
    box = Mailbox(MailConfig(**CONFIG, port=port), tmp_path)
    box.longest_retry_s = 0.1
    store, deliveries = put(tmp_path, box)
    await until(lambda: deliveries.queues[0].outcomes["failed"] >= 12)
    assert deliveries.queues[0].state in ("paused", "open") and len(waiting(store)) == 1
    async with MailServer(port) as server:
        await settled(store)
        assert len(server.mails) == 1
    await deliveries.stop()
    store.close()


@pytest.mark.real_time
@pytest.mark.usefixtures("soon")
async def test_a_message_whose_key_is_away_holds_up_no_other(tmp_path: Path, server: "MailServer") -> None:
    keys = key_file(tmp_path)
    save_message(tmp_path, "c1", tones((440.0,), 500), read_keys(keys)[0])
    keys.rename(tmp_path / "away")
    box = Mailbox(MailConfig(**CONFIG, port=server.port), tmp_path, keys)
    box.longest_retry_s = 0.1
    store, deliveries = put(tmp_path, box)
    await until(lambda: deliveries.queues[0].outcomes["failed"] > BREAK_AFTER)
    assert deliveries.queues[0].state == "open" and "it is encrypted" in deliveries.queues[0].problem
    await asyncio.to_thread(store.notify(OutboxEvent("c2", MESSAGE, "evt_2", DATA | {"file": "c2.wav"})).result, 5)
    await until(lambda: len(server.mails) == 1 and [each.id for each in waiting(store)] == ["evt_1"])
    (tmp_path / "away").rename(keys)
    await settled(store)
    assert len(server.mails) == 2
    await deliveries.stop()
    store.close()


def put(folder: Path, box: Mailbox) -> tuple[RecordStore, Deliveries]:
    """A message that is to be mailed."""
    store = RecordStore.open(str(folder / "calls.db"), subscriptions=[box.subscription])
    deliveries = Deliveries(store, [box])
    deliveries.start()
    assert store.notify(OutboxEvent("c1", MESSAGE, "evt_1", DATA)).result(5)
    return store, deliveries


async def delivered(folder: Path, box: Mailbox) -> None:
    store, deliveries = put(folder, box)
    await settled(store)
    await deliveries.stop()
    store.close()


class MailServer:
    """aiosmtpd, on the running loop; it refuses mail with `refusals`, one after the other, then takes it."""

    def __init__(self, port: int = 0) -> None:
        self.refusals: list[str] = []
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.users: list[bytes] = []
        self.full = ""
        self.password: bytes | None = None
        self.asked = 0
        self.port = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "MailServer":
        def accept(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
            self.users.append(data.login)
            return AuthResult(success=data.password == self.password)

        def protocol() -> Any:
            wants = self.password is not None
            return SMTP(self, authenticator=accept, auth_required=wants, auth_require_tls=False, hostname="mail")

        self._server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def handle_RCPT(  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address == self.full:
            return "452 4.2.2 Mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # aiosmtpd's name
        self.asked += 1
        if self.refusals:
            return self.refusals.pop(0)
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients = list(envelope.rcpt_tos)
        return "250 OK"
