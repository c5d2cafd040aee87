"""A call from a tab without a microphone: the caller types."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser, chromium
from tests.e2e.conftest import BotProcess
from tests.e2e.test_page import barriers

DIGITS = "4711"


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    one = BotProcess(tmp_path_factory.mktemp("typing-bot"))
    yield one
    one.close()


def types(page: Browser, line: str) -> None:
    field = page.by_id("line")
    field.send_keys(line, Keys.ENTER)
    assert field.get_property("value") == ""
    assert page.driver.switch_to.active_element == field


def lines(page: Browser, selector: str) -> list[str]:
    return [str(line.get_property("textContent")) for line in page.driver.find_elements(By.CSS_SELECTOR, selector)]


def test_a_person_without_a_microphone_types(bot: BotProcess) -> None:
    with chromium(bot.http, has_microphone=False) as page:
        page.open("/")
        assert not page.by_id("line").is_enabled()
        assert barriers(page) == []
        page.by_id("talk").click()
        page.wait(lambda: page.by_id("talk").text == "Hang up")
        assert "You can type below." in page.text("phone-note")
        assert page.driver.switch_to.active_element == page.by_id("line")
        assert not page.by_id("mute").is_enabled()
        page.wait(lambda: page.level("theirs") > 30)
        page.wait(lambda: "How can I help you?" in page.text("transcript"))
        types(page, "a pint of milk")
        page.wait(lambda: "not understood" in page.text("transcript"))
        (rejected,) = lines(page, ".line.caller.rejected p")
        assert rejected == "a pint of milk typed not understood"
        page.wait(lambda: "I did not get that." in page.text("transcript"))
        types(page, "check my balance")
        page.wait(lambda: "last four digits" in page.text("transcript"))
        assert lines(page, ".line.caller:not(.rejected) p") == ["check my balance typed"]
        types(page, DIGITS)
        page.wait(lambda: "The balance of your current account" in page.text("transcript"))
        assert DIGITS not in page.text("transcript")
        assert "4 keys typed" in page.text("transcript")
        assert page.level("mine") == 0
        assert barriers(page) == []
        types(page, "goodbye")
        page.wait(lambda: page.by_id("talk").text == "Talk")
        assert page.text("phone-note") == "The bot hung up. See its record"
        assert not page.by_id("line").is_enabled()
        bot.wait_for(lambda: bot.records()[-1]["end"] is not None)
        assert bot.records()[-1]["ended_by"] == "bot"
        said = [(line["text"], bool(line["rejected"])) for line in bot.transcript() if line["typed"]]
        expected = [("a pint of milk", True), ("check my balance", False), ("[keys: 4]", False), ("goodbye", False)]
        assert said == expected
        page.open(f"/calls/{bot.records()[-1]['uniqueid']}")
        page.wait_for(".line.caller")
        shown = ["a pint of milk typed not understood", "check my balance typed", "●●●● 4 keys typed", "goodbye typed"]
        assert lines(page, ".line.caller p") == shown
        assert barriers(page) == []
        assert page.complaints() == []


def test_what_was_said_and_not_understood_is_marked(bot: BotProcess) -> None:
    with chromium(bot.http) as page:
        page.open("/")
        script = """
            const { CallModel } = await import("/page/js/model.js");
            const { showTranscript } = await import("/page/js/callview.js");
            const call = new CallModel("one");
            for (const event of args[0]) call.apply(event);
            const list = document.createElement("ol");
            showTranscript(list, call);
            return [...list.children].map((line) => [line.className, line.querySelector("p").textContent]);
        """
        said = {
            "kind": "answer",
            "answer": "no_match",
            "text": "banana",
            "confidence": 0.204,
            "keys": 0,
            "typed": False,
        }
        events = [
            {"kind": "typed", "at": 1.0, "text": "one"},
            {"kind": "speech", "at": 2.0, "on": True},
            {"kind": "partial", "at": 2.5, "text": "bana"},
            {"kind": "speech", "at": 3.0, "on": False},
            said | {"at": 3.5},
            {"kind": "ignored", "at": 4.0, "from": 1.5, "text": "what a day", "confidence": None, "typed": False},
            {"kind": "ignored", "at": 5.0, "from": 1.0, "text": "one", "confidence": 1.0, "typed": True},
            said | {"at": 6.0, "answer": "speech", "text": "two", "confidence": 0.9},
            {"kind": "key", "at": 7.0},
            said | {"at": 9.0, "text": "", "confidence": None, "keys": 1},
            said | {"at": 10.0, "text": "", "confidence": None, "keys": 2, "typed": True},
        ]
        assert page.run(script, events) == [
            ["line caller rejected", "one typed no answer to the question"],
            ["line caller rejected", "what a day no answer to the question"],
            ["line caller rejected", "banana not understood, 20 % sure"],
            ["line caller", "two"],
            ["line caller rejected", "● 1 key not understood"],
            ["line caller rejected", "●● 2 keys typed not understood"],
        ]
