"""Logging: one record a line with the call's id, without secrets or control characters.

Our records (structlog) and those of libraries (stdlib `logging`) go through the same processors to one stream.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar, Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from offhook.observe.log_limit import LogLimit
from offhook.observe.log_stream import log_stream

LogFormat = Literal["console", "json"]

MAX_VALUE_CHARS = 2_048
MAX_EXCEPTION_CHARS = 16_384
MAX_ITEMS = 64
MAX_DEPTH = 4
REDACTED = "[redacted]"

# C0, DEL, C1; line separators; the marks that reverse text on screen; lone surrogates, which no encoder
# takes.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_SECRET_WORDS = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "authorization",
        "credential",
        "credentials",
    }
    | {"cookie", "apikey", "digit", "digits", "dtmf", "pin", "cvv"}
)
LOOK_AHEAD_CHARS = 4_096
_SECRET_PAIRS = frozenset({("api", "key"), ("private", "key"), ("access", "key")})
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# Secrets inside of texts: Authorization headers, and passwords in URLs.
_BEFORE_AT = re.compile(r'(?<![^\s@<>"])[^\s@<>"]++(?=@)')  # from its beginning only: linear, however long
_PASSWORD = re.compile(r"(?is)(\bsips?:[^:]*?(?::|%3a)).+")
_INLINE_SECRET = re.compile(r"(?i)(authorization\s*[:=]\s*)[^\r\n]+|(\w://[^\s/:@]{1,256}:)[^\s/@]{1,256}(?=@)")


def escape_control(text: str) -> str:
    r"""The text with every control character (and other invisible mischief) as `\n`, `\x1b`, `\u202e`."""
    return _CONTROL.sub(_escape_one, text) if _CONTROL.search(text) else text


def _escape_one(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    return _SHORT.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def hide_password(text: str) -> str:
    """SIP URIs in the text without their passwords (`sip:user:password@host`): RFC 3261 §19.1.1 advises against them,
    and some senders have them all the same."""
    return _BEFORE_AT.sub(lambda user: _PASSWORD.sub(rf"\1{REDACTED}", user[0], 1), text) if "@" in text else text


def is_secret_name(name: str) -> bool:
    """True if such a field is never shown: `password`, `auth_token`, `pinCode`; not `ping` or `tokens`."""
    words = [word.lower() for word in _WORD.findall(name[:256])]
    return not _SECRET_WORDS.isdisjoint(words) or not _SECRET_PAIRS.isdisjoint(pairwise(words))


def clean_value(value: object, depth: int = 0) -> object:
    """A value fit for the log: escaped, cut to `MAX_VALUE_CHARS`, without the secrets inside of mappings."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth >= MAX_DEPTH:
        return "…"  # not its text, which would show its secrets
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {_clean_text(str(key)): _clean_field(str(key), item, depth + 1) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean_value(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    if isinstance(value, bytes | bytearray):
        value = bytes(value[:MAX_VALUE_CHARS]).decode("latin-1")
    return _clean_text(value if isinstance(value, str) else str(value))


def _clean_field(name: str, value: object, depth: int = 0) -> object:
    return REDACTED if is_secret_name(name) else clean_value(value, depth)


def _clean_text(text: str, limit: int = MAX_VALUE_CHARS) -> str:
    left_out = len(text) - limit
    # Cut before the regular expressions run, to bound their time, and behind what they recognise a secret by.
    text = hide_password(_INLINE_SECRET.sub(lambda m: (m[1] or m[2]) + REDACTED, text[: limit + LOOK_AHEAD_CHARS]))
    return escape_control(text[:limit]) + (f"…(+{left_out} characters)" if left_out > 0 else "")


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    traceback = event.pop("exception", None)
    cleaned: EventDict = {_clean_text(key): _clean_field(key, value) for key, value in event.items()}
    if traceback is not None:
        kept = str(traceback)[-MAX_EXCEPTION_CHARS:]
        cleaned["exception"] = "\n".join(_clean_text(line) for line in kept.split("\n"))
    return cleaned


class _ConsoleRenderer:
    """One record a line for a terminal: time, level, event, fields; a traceback indented below it."""

    _COLORS: ClassVar = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}

    def __init__(self, colors: bool) -> None:
        self._colors = colors

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        time, level, name, traceback = (event.pop(k, "") for k in ("timestamp", "level", "event", "exception"))
        parts = [self._paint("2", str(time)), self._paint(self._COLORS.get(str(level), ""), f"{level:<8}")]
        parts += [self._paint("1", str(name))]
        parts += [f"{self._paint('36', key)}={_quote(value)}" for key, value in event.items()]
        # Indented, so that remote text in an error cannot look like a record.
        below = ["  | " + line for line in str(traceback).split("\n")] if traceback else []
        return "\n".join([" ".join(parts), *below])

    def _paint(self, color: str, text: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._colors and color else text


def _quote(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, default=str)
    # A value with blanks is quoted: else `name="x call=other"` would look like another field.
    return '"' + value.replace('"', '\\"') + '"' if not value or re.search(r'[\s"=]', value) else value


TELLTALES = ("boto3", "botocore", "google", "httpcore", "httpx", "httpx2", "openai", "twilio", "urllib3", "websockets")
"""Libraries whose debug messages have keys, or what callers say: what is sent and received, headers included."""

A_LINE_A_REQUEST = ("httpx", "httpx2")
"""Those of them that have a line for each request at `info`, too."""


def setup(log_format: LogFormat = "console", level: str = "info", stream: TextIO | None = None) -> None:
    """Set up logging for the whole process, replacing any earlier set-up. It never blocks (`log_stream`).

    `level` is a name of the standard library ("debug" … "critical"), else ValueError. `stream`: standard
    error, which leaves standard output to results.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}")
    out = log_stream(sys.stderr) if stream is None else stream
    json_lines = structlog.processors.JSONRenderer()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _clean,
            json_lines if log_format == "json" else _ConsoleRenderer(out.isatty()),
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    handler.addFilter(LogLimit())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in TELLTALES:
        logging.getLogger(name).setLevel(max(number, logging.WARNING if name in A_LINE_A_REQUEST else logging.INFO))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Loggers are made at import, before `setup`; cached, they would keep the defaults of that moment.
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger: `log.info("call ended", turns=3)`. The name is for filters, it is not shown."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger
