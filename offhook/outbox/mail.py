"""Messages of callers as mail, by SMTP.

The standard library's client blocks, so it runs in threads that nothing else needs: a server that takes its time holds
up mail alone.
"""

import asyncio
import json
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from offhook.encryption.chunks import KeysAwayError, UnreadableError
from offhook.encryption.reader import open_kept
from offhook.outbox.receiver import Attempt, Result
from offhook.own_thread import in_own_thread
from offhook.records.cdr import clean_text
from offhook.records.message import message_file
from offhook.records.outbox import MESSAGE, OutboxRow, Subscription
from offhook.settings.mail import MailConfig
from offhook.settings.webhooks import MAIL

log = structlog.get_logger("offhook.outbox")

AT_ONCE = 2
LONGEST_RETRY_S = 600.0
LAST_S = 2 * LONGEST_RETRY_S
"""Before an event is given up, in which it is tried once at least."""
MAX_ATTACHED_BYTES = 20_000_000
MAX_SUBJECT_CHARS = 200
_ERRORS = (smtplib.SMTPException, OSError, ValueError)
MAX_PASSWORD_BYTES = 4_096
SERVICE_READY = 220
"""RFC 5321, section 4.2.2."""


class Mailbox:
    """The receiver of `[mail]`; `folder` has the messages' sound, and `key_file` the keys of those that are
    encrypted."""

    def __init__(self, config: MailConfig, folder: Path, key_file: Path | None = None) -> None:
        self.subscription = Subscription(MAIL, frozenset({MESSAGE}))
        self.at_once = AT_ONCE
        self.timeout_s = config.timeout_s
        self.longest_retry_s = LONGEST_RETRY_S
        self.give_up_s = config.give_up_h * 3_600
        self._config = config
        self._folder = folder
        self._key_file = key_file

    async def deliver(self, row: OutboxRow) -> Attempt:
        """Send it; delivered is what the server has accepted for anybody. A message waits for keys that are away, and
        goes without its sound before it is given up."""
        client = _Client(self._config)
        is_late = time.time() - row.since > self.give_up_s - min(LAST_S, self.give_up_s / 2)
        try:
            mail_of_row = partial(mail_of, self._config, row, self._folder, self._key_file, is_late=is_late)
            refused = await in_own_thread(partial(client.send, mail_of_row), "mail")
        except asyncio.CancelledError:
            client.break_off()
            raise
        except KeysAwayError as error:
            return Attempt(Result.FAILED, _why(error), says_nothing=True)
        except _ERRORS as error:
            return Attempt(Result.FAILED, _why(error))
        if refused:
            log.error("a mail was not accepted for everybody", id=row.id, refused=refused)
        return Attempt(Result.DELIVERED)


class _Client:
    """Sends one mail."""

    def __init__(self, config: MailConfig) -> None:
        self._config = config
        self._smtp: smtplib.SMTP | None = None
        self._broken_off = False

    def send(self, made: Callable[[], EmailMessage]) -> list[str]:
        """Returns for whom it was refused, with the server's status. Raises SMTPException, OSError, ValueError."""
        config, mail = self._config, made()
        with self._connected() as smtp:
            if config.encryption == "starttls":
                smtp.starttls(context=ssl.create_default_context())
            if config.user is not None:
                smtp.login(config.user, _password(config))
            refused = smtp.send_message(mail)
        return [f"{address} (SMTP {code})" for address, (code, _) in refused.items()]

    def break_off(self) -> None:
        """It takes too long: no thread waits for it any more."""
        self._broken_off = True
        sock = self._smtp.sock if self._smtp is not None else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> smtplib.SMTP:
        config = self._config
        assert config.host is not None, "there is no receiver without one"
        if config.encryption == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(timeout=config.timeout_s, context=ssl.create_default_context())
        else:
            smtp = smtplib.SMTP(timeout=config.timeout_s)
        self._smtp = smtp
        # The name that the certificate has to be for; the constructor takes it only where it connects, too.
        smtp._host = config.host  # type: ignore[attr-defined]
        code, said = smtp.connect(config.host, config.server_port)
        if code != SERVICE_READY:
            raise smtplib.SMTPConnectError(code, said)
        if self._broken_off:
            raise TimeoutError("it takes too long")
        return smtp


def mail_of(
    config: MailConfig, row: OutboxRow, folder: Path, key_file: Path | None = None, *, is_late: bool = False
) -> EmailMessage:
    """The mail about a message; one whose sound can never be decrypted says so, and one that `is_late`, if it cannot be
    now. Raises ValueError for an event that is none, OSError where the sound cannot be read now."""
    data: Mapping[str, Any] = json.loads(row.body)["data"]
    mail, box = EmailMessage(), str(data.get("mailbox") or "")
    recipients = config.boxes.get(box, config.recipients)
    mail["From"], mail["To"] = config.sender, ", ".join(recipients)
    mail["Subject"] = _filled(config.subject, data)
    mail["Date"] = formatdate(row.since, usegmt=True)
    # The same in every attempt, so that mail programs know a repeat.
    mail["Message-ID"] = f"<{row.id}@{str(config.sender).rpartition('@')[2]}>"
    path = message_file(folder, str(data.get("file", "")))
    sound, missing = b"", ""
    if box and box not in config.boxes:
        # Somebody has to know of it, and nobody else is to hear it.
        data = {**data, "transcript": ""}
        missing = f"The settings have no mailbox `{box}` any more: sound and words of the message stay with the call.\n"
    elif config.attach and path.is_file():
        try:
            sound = _sound(path, key_file)
        except UnreadableError as error:
            if isinstance(error, KeysAwayError) and not is_late:
                raise  # it goes with its sound once the keys are back
            log.error("a message is mailed without its sound", path=str(path), why=str(error))
            missing = f"The sound is not attached: {error}.\n"
    mail.set_content(_text(row, data) + missing)
    if sound:
        mail.add_attachment(sound, maintype="audio", subtype="wav", filename=path.name)
    return mail


def _sound(path: Path, key_file: Path | None) -> bytes:
    """Nothing, if it is too large for a mail. Raises OSError."""
    with open_kept(path, key_file) as kept:
        return kept.file.read() if kept.size <= MAX_ATTACHED_BYTES else b""


def _text(row: OutboxRow, data: Mapping[str, Any]) -> str:
    lines = [
        f"From:    {data.get('src', '')}",
        f"To:      {data.get('dst', '')}",
        f"At:      {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(row.since))}",
        f"Seconds: {data.get('seconds', '')}",
        f"Call:    {row.uniqueid}",
        f"File:    {data.get('file', '')}",
    ]
    if data.get("mailbox"):
        lines.append(f"Mailbox: {data['mailbox']}")
    if data.get("transcript"):
        lines += ["", str(data["transcript"])]
    return "\n".join(lines) + "\n"


def _filled(subject: str, data: Mapping[str, Any]) -> str:
    for name in ("src", "dst", "seconds"):
        subject = subject.replace(f"{{{name}}}", str(data.get(name, "")))
    return clean_text(subject, MAX_SUBJECT_CHARS)


def _password(config: MailConfig) -> str:
    """Raises OSError, ValueError."""
    if config.password is not None or config.password_file is None:
        return config.password or ""
    with config.password_file.open("rb") as file:
        return file.read(MAX_PASSWORD_BYTES).decode().partition("\n")[0].strip()


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"SMTP {error.smtp_code}: {said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "the server accepts none of the recipients"
    return f"the mail was not sent ({getattr(error, 'strerror', None) or error or type(error).__name__})"
