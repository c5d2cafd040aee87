import io
import json
import logging
from collections.abc import Iterator

import httpx2
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from offhook.observe import log
from offhook.observe.log import MAX_VALUE_CHARS, REDACTED, clean_value, escape_control, hide_password, is_secret_name

EVIL = '"Evil\r\n2025-01-01 info fake record\x1b[2J\x9b31m\u202e" <sip:evil@example.net>'


@pytest.fixture(autouse=True)
def put_logging_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


@given(st.text())
def test_escaped_text_is_printable_and_escaping_it_again_changes_nothing(text: str) -> None:
    escaped = escape_control(text)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in escaped)
    assert len(escaped.splitlines()) <= 1
    assert escape_control(escaped) == escaped


def test_escapes_are_readable() -> None:
    assert escape_control("a\r\n\t\x1b\x00\x7f\x85\u202eb") == "a\\r\\n\\t\\x1b\\x00\\x7f\\x85\\u202eb"
    assert escape_control("Grüße, ♥") == "Grüße, ♥"


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_from_name_with_line_ends_and_escapes_is_one_record(log_format: log.LogFormat) -> None:
    stream = io.StringIO()
    log.setup(log_format, "info", stream)
    log.get_logger("offhook").info("incoming", from_=EVIL)
    logging.getLogger("uvicorn").warning("bad request from %s", EVIL)
    logging.getLogger("uvicorn").warning(EVIL, extra={"peer": EVIL})
    assert len(lines(stream)) == 3
    assert not set(stream.getvalue()) & set("\r\x1b\x9b\u202e")


def test_a_traceback_cannot_forge_a_console_record() -> None:
    stream = io.StringIO()
    log.setup("console", "info", stream)
    try:
        raise ValueError(EVIL)
    except ValueError:
        log.get_logger("offhook").exception("failed")
    first, *rest = lines(stream)
    assert "failed" in first
    assert rest
    assert all(line.startswith("  | ") for line in rest)
    assert "\x1b" not in stream.getvalue()


def test_a_traceback_is_in_the_json_record() -> None:
    stream = io.StringIO()
    log.setup("json", "info", stream)
    try:
        raise ValueError("no such thing")
    except ValueError:
        logging.getLogger("anything").exception("failed")
    (line,) = lines(stream)
    record = json.loads(line)
    assert record["event"] == "failed"
    assert record["level"] == "error"
    assert "ValueError: no such thing" in record["exception"]


def test_a_value_with_blanks_cannot_pose_as_another_field() -> None:
    stream = io.StringIO()
    log.setup("console", "info", stream)
    log.get_logger("offhook").info("incoming", name='x" call=other', digits_missing=2, count=3, nothing="")
    (line,) = lines(stream)
    assert r'name="x\" call=other"' in line
    assert "count=3" in line
    assert 'nothing=""' in line


@pytest.mark.parametrize(
    "name",
    ["password", "sip_password", "authToken", "Authorization", "proxy-authorization", "digits", "PIN",
    "pinCode", "api_key", "apiKey", "client.secret", "set-cookie", "dtmf"],
)  # fmt: skip
def test_secret_names(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["ping", "pinned", "tokens", "key", "monkey", "call", "digital", "passed", ""])
def test_names_that_are_none(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_secrets_never_reach_the_stream(log_format: log.LogFormat) -> None:
    stream = io.StringIO()
    log.setup(log_format, "debug", stream)
    logger = log.get_logger("offhook")
    canary = "c4n4ry"
    logger.info("a", password=canary, nested={"auth_token": canary, "list": [{"pin": canary}]}, pin=canary)
    logger.info("b", message=f"REGISTER sip:x\r\nAuthorization: Digest response={canary}\r\nTo: <sip:y>")
    logger.info("c", url=f"postgresql://user:{canary}@host/db", raw=f"authorization = {canary}".encode())
    logger.debug(
        "SIP", start=f"INVITE sips:bob:{canary}@example.com SIP/2.0", uris=[f"<SIP:b;x=1:{canary}@h>", "sip:a:b"]
    )
    logging.getLogger("other").info("d", extra={"token": canary})
    deep: object = {"password": canary}
    for _ in range(10):
        deep = {"inner": [deep]}
    logger.info("e", deep=deep)
    assert canary not in stream.getvalue()
    assert REDACTED in stream.getvalue()
    assert "user:" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:alice:p/w;1@h, sip:bob@h", "sip:alice:[redacted]@h, sip:bob@h"),
        ("sip:127.0.0.1:5060", "sip:127.0.0.1:5060"),
        ("sip:bob@[::1]:5060;maddr=10.0.0.1", "sip:bob@[::1]:5060;maddr=10.0.0.1"),
        ("gossip:a:b@c", "gossip:a:b@c"),
        ("tel:+15551230000", "tel:+15551230000"),
        ("bob:b@h", "bob:b@h"),
        (f"sip:bob:{'p' * 3_000}@h", "sip:bob:[redacted]@h"),
        (f"sip:{'b' * 300}:p@h", f"sip:{'b' * 300}:[redacted]@h"),
        ("sip:bob%3Ap@h", "sip:bob%3A[redacted]@h"),
    ],
)
def test_passwords_in_sip_uris_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert hide_password(text) == shown


def test_a_password_across_the_cut_is_hidden() -> None:
    text = "x" * (MAX_VALUE_CHARS - 20) + " sip:bob:" + "secret" * 20 + "@h"
    assert "secret" not in str(clean_value(text))


def test_values_are_cut() -> None:
    long = "x" * (MAX_VALUE_CHARS + 7)
    cut = clean_value(long)
    assert isinstance(cut, str)
    assert cut.startswith("x" * MAX_VALUE_CHARS)
    assert cut.endswith("(+7 characters)")
    deep: object = "end"
    for _ in range(50):
        deep = [deep]
    assert len(str(clean_value(deep))) < 200
    assert len(list(clean_value(list(range(10_000))))) < 100  # type: ignore[call-overload]


def test_levels() -> None:
    stream = io.StringIO()
    log.setup("json", "warning", stream)
    log.get_logger("offhook").info("quiet")
    logging.getLogger("other").info("quiet")
    log.get_logger("offhook").warning("loud")
    assert [json.loads(line)["event"] for line in lines(stream)] == ["loud"]
    with pytest.raises(ValueError, match="chatty"):
        log.setup("json", "chatty")


def test_what_a_process_binds_is_in_every_record() -> None:
    stream = io.StringIO()
    log.setup("json", "info", stream)
    with structlog.contextvars.bound_contextvars(worker=3):
        log.get_logger("offhook").info("own")
        logging.getLogger("library").info("foreign")
    log.get_logger("offhook").info("later")
    assert [json.loads(line).get("worker") for line in lines(stream)] == [3, 3, None]


def test_setting_up_twice_does_not_log_twice() -> None:
    first, second = io.StringIO(), io.StringIO()
    log.setup("json", "info", first)
    logger = log.get_logger("offhook")
    logger.info("one")
    log.setup("json", "info", second)
    logger.info("two")
    assert len(lines(first)) == 1
    assert len(lines(second)) == 1


def test_libraries_do_not_show_what_they_send() -> None:
    stream = io.StringIO()
    log.setup("json", "debug", stream)
    logging.getLogger("websockets.client").debug("> Authorization: Token sk-0123456789abcdef")
    logging.getLogger("botocore.auth").debug("x-amz-security-token:abc")
    logging.getLogger("mine").debug("this is shown")
    assert [json.loads(line)["event"] for line in lines(stream)] == ["this is shown"]


@pytest.mark.parametrize("client", log.A_LINE_A_REQUEST)
def test_requests_of_http_clients_have_no_line_each(client: str) -> None:
    stream = io.StringIO()
    log.setup("console", "info", stream)
    logging.getLogger(client).info("HTTP Request: POST https://example.org")
    logging.getLogger(client).warning("the connection pool is full")
    assert len(lines(stream)) == 1 and "pool" in stream.getvalue()


def test_the_http_client_of_the_models_is_one_of_them() -> None:
    assert httpx2._client.logger.name in log.A_LINE_A_REQUEST
