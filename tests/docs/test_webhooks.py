"""docs/webhooks.md: its ten lines check signatures, and its table has every event."""

import re
from typing import Any

from offhook.outbox.signature import signed_headers
from offhook.records.outbox import TYPES
from offhook.settings.webhooks import EVENT_TYPES
from tests.docs.pages import ROOT, blocks
from tests.offhook.outbox.parts import SECRET

PAGE = ROOT / "docs" / "webhooks.md"


def test_the_lines_that_check_a_signature(monkeypatch: Any) -> None:
    (text,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(compile(text, str(PAGE), "exec"), names)
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    headers = signed_headers(SECRET, "evt_1", 1_000_000.0, b"{}")
    assert names["is_ours"](SECRET, headers, b"{}")
    assert not names["is_ours"](SECRET, headers, b"{ }")
    assert not names["is_ours"](SECRET, headers | {"webhook-id": "evt_2"}, b"{}")
    assert not names["is_ours"](SECRET, signed_headers(SECRET, "evt_1", 999_000.0, b"{}"), b"{}")


def test_every_event_is_described() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows[1:] == list(EVENT_TYPES) == list(TYPES)
