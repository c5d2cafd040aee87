"""Compares the requests of a test's call with those that were expected. Pure."""

import json
from collections.abc import Iterator

from offhook.flow_tools.case import Sent
from offhook.qa.verdict.judge import Deviation

SHOWN_CHARS = 500


def otherwise_sent(expected: Sent, sent: Sent) -> Iterator[Deviation]:
    """What of a request was not as expected: its JSON or its fields, and the headers that are named."""
    if expected.content is not None:
        wanted, got = json.loads(expected.content), json.loads(sent.content or "null")
        if expected.form != sent.form:
            what = f"{sent.what} was sent {'as a form' if sent.form else 'without a form'}: {_shown(got)}"
            yield Deviation("requests", what, f"expected: {'a form' if expected.form else 'JSON'}, {_shown(wanted)}")
        elif not is_same(wanted, got):
            what = f"{sent.what} was sent with other {'fields' if sent.form else 'JSON'}: {_shown(got)}"
            yield Deviation("requests", what, f"expected: {_shown(wanted)}")
    given = {name.lower(): text for name, text in sent.headers.items()}
    for name, text in expected.headers.items():
        if (got := given.get(name.lower())) != text:
            has = "without the header" if got is None else f"with `{got[:SHOWN_CHARS]}` in the header"
            yield Deviation("requests", f"{sent.what} was sent {has} {name}", f"expected: `{text[:SHOWN_CHARS]}`")


def is_same(one: object, other: object) -> bool:
    """Whether two values of JSON are equal: 2 is 2.0, but 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:SHOWN_CHARS]
