"""A TwiML application, as the settings have it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from offhook.http_request import HttpRequest
from offhook.settings.config import Config
from offhook.settings.mail import no_mailbox
from offhook.settings.twiml import HttpMethod
from offhook.twiml.addresses import Addresses
from offhook.usererror import Problem, UserError

MAILBOX = "[twiml] mailbox"


@dataclass(frozen=True, slots=True)
class Application:
    """`url` is that of its first document. `token` signs its requests (empty: they are not signed), `recordings_url` is
    where it finds recordings (empty: nowhere), `mailbox` who gets them by mail (empty: who gets all others), and
    `key_file` has the keys of those that are encrypted."""

    url: str
    method: HttpMethod = "POST"
    fallback_url: str = ""
    fallback_method: HttpMethod = "POST"
    status_url: str = ""
    status_method: HttpMethod = "POST"
    hosts: tuple[str, ...] = ()
    allow_private: bool = False
    account_sid: str = ""
    token: str = field(default="", repr=False)
    recordings_url: str = ""
    mailbox: str = ""
    key_file: Path | None = None

    @property
    def addresses(self) -> Addresses:
        """Where its documents may lead."""
        return Addresses(self._urls(), self.hosts)

    def problems(self, where: str) -> Iterable[Problem]:
        """What is wrong with its addresses; `where` is the place of `url`."""
        for url in self._urls():
            if HttpRequest(url, allow_private=self.allow_private).is_refused:
                host = urlsplit(url).netloc
                why = "it is in a private network, or on this machine, and requests do not go there unless they may"
                yield Problem(f"TwiML cannot come from {host}", why, "allow_private = true, below [twiml]", where)

    def _urls(self) -> tuple[str, ...]:
        return tuple(each for each in (self.url, self.fallback_url, self.status_url) if each)


def application_of(config: Config, url: str, where: str = "[twiml] url") -> Application:
    """The application whose first document is at `url`, with the settings of `[twiml]`. Raises UserError."""
    twiml, twilio, http = config.twiml, config.twilio, config.http
    own = f"http://{http.host}:{http.port}" if http.enabled and http.port else ""
    made = Application(
        url=url,
        method=twiml.method,
        fallback_url=twiml.fallback_url or "",
        fallback_method=twiml.fallback_method,
        status_url=twiml.status_url or "",
        status_method=twiml.status_method,
        hosts=twiml.hosts,
        allow_private=twiml.allow_private,
        account_sid=twiml.account_sid or twilio.account_sid or "",
        token=twiml.auth_token or twilio.auth_token or "",
        recordings_url=(twiml.recordings_url or twilio.public_url or own).rstrip("/"),
        mailbox=twiml.mailbox or "",
        key_file=config.records.key_file,
    )
    problems = list(made.problems(where))
    if made.mailbox and made.mailbox not in config.mail.boxes:
        missing = no_mailbox(made.mailbox, list(config.mail.boxes))
        problems += [replace(each, where=MAILBOX) for each in missing.problems]
    if problems:
        raise UserError.of(problems)
    return made
