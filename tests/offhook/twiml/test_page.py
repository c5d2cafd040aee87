"""docs/twiml.md has the table as it is."""

from tests.offhook.twiml.page import PAGE, renewed


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == renewed(text), "python -m tests.offhook.twiml.page"
