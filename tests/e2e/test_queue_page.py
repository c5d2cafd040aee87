"""The queues on the live page: who waits, and agents whom its buttons log in and out."""

import asyncio
import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import pytest
from selenium.webdriver.common.by import By

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.browser import WIDTHS, Browser, chromium, microphone
from tests.e2e.conftest import BotProcess
from tests.e2e.test_page import barriers
from tests.e2e.test_queue import FLOW, LIGHT, settings

PASSWORD = "a long one"

DESK = "+15552223333"
DESK_FLOW = """
name: desk
start: take
steps:
  take: {take: support, next: take, otherwise: bye}
  bye: {hang_up: Goodbye.}
"""


def press(page: Browser, agent: str, action: str) -> None:
    row = f"//ul[@id='agent-list']/li[@data-key='{agent}']"
    page.driver.find_element(By.XPATH, f"{row}//button[@data-action='{action}']").click()


async def watched(bot: BotProcess, page: Browser) -> None:
    caller = await asyncio.wait_for(Caller.dial(bot.host, Address(bot.host, bot.port), user="+15550100"), 10)
    try:
        await asyncio.to_thread(page.wait, lambda: "+15550100" in page.text("queue-list"))
        await asyncio.to_thread(page.wait, lambda: "support: 1 waits, 0 talk" in page.text("queue-list"))
        assert not page.by_id("queues").get_attribute("hidden")
        (cells,) = page.driver.find_elements(By.CSS_SELECTOR, "#queue-list tbody tr")
        place, who, waited, state, agent = [cell.text for cell in cells.find_elements(By.TAG_NAME, "td")]
        assert (place, state, agent) == ("1", "waiting", "") and who == "+15550100" and ":" in waited
        shown = await asyncio.to_thread(bot.get, "/metrics")
        assert 'offhook_queue_waiting{queue="support"} 1.0' in shown
        assert 'offhook_queue_agents{queue="support",state="out"} 1.0' in shown
        await asyncio.to_thread(look, page)
    finally:
        caller.hang_up()
        caller.close()
    await asyncio.to_thread(page.wait, lambda: "support: 0 wait, 0 talk" in page.text("queue-list"))


def look(page: Browser) -> None:
    assert "desk" in page.text("agent-list") and "out, 0 calls" in page.text("agent-list")
    press(page, "desk", "pause")
    page.wait(lambda: page.text("queue-note") == "desk is paused.")
    page.wait(lambda: "paused, 0 calls" in page.text("agent-list"))
    focused = page.driver.execute_script("return document.activeElement.dataset.action")
    assert focused == "pause", "the row stays, and its focus"
    for width in WIDTHS.values():
        page.show(width)
        over = page.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0
        assert page.complaints() == []
        assert barriers(page) == []
        page.complaints()  # axe makes styles
    press(page, "desk", "logout")
    page.wait(lambda: page.text("queue-note") == "desk is out.")


def test_the_queues_are_seen_and_agents_log_in_and_out(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "offhook.toml").write_text(settings(9, 'empty = "wait"'))
    options = ("--config", str(tmp_path / "offhook.toml"), "--flow", str(tmp_path / "flow.yaml"))
    bot = start_bot(*options, OFFHOOK_HTTP__PASSWORD=PASSWORD, **LIGHT)
    body = json.dumps({"agent": "desk", "action": "login"}).encode()
    wanted = urllib.request.Request(f"http://{bot.http}/api/queues/agents", body, {"Content-Type": "application/json"})
    with pytest.raises(HTTPError, match="401"):
        urllib.request.urlopen(wanted, timeout=5)
    with chromium(bot.http, microphone(tmp_path / "silence.wav")) as page:
        page.sign_in(PASSWORD)
        page.open("/")
        asyncio.run(watched(bot, page))
        (record,) = bot.ended()
        page.open(f"/calls/{record['uniqueid']}")
        page.wait(lambda: re.search(r"support: nobody after \d+:\d\d", page.text("facts")) is not None)


async def takes(bot: BotProcess, page: Browser) -> None:
    there = Address(bot.host, bot.port)
    agent = await asyncio.wait_for(Caller.dial(bot.host, there, user="+15550200", called=DESK), 10)
    try:
        await asyncio.to_thread(page.wait, lambda: "+15550200, called inready" in page.text("agent-list"))
        caller = await asyncio.wait_for(Caller.dial(bot.host, there, user="+15550100"), 10)
        try:
            await asyncio.to_thread(page.wait, lambda: "talking+15550200, called in" in page.text("queue-list"))
            await asyncio.to_thread(look_at_who_has_called_in, page)
        finally:
            caller.hang_up()
            caller.close()
        await asyncio.wait_for(agent.over.wait(), 20)  # they take nobody else
    finally:
        agent.close()


def look_at_who_has_called_in(page: Browser) -> None:
    (row,) = page.driver.find_elements(By.XPATH, "//ul[@id='agent-list']/li[contains(., '+15550200')]")
    (button,) = row.find_elements(By.TAG_NAME, "button")
    assert button.get_attribute("data-action") == "logout" and page.complaints() == []
    button.click()
    page.wait(lambda: page.text("queue-note").startswith("+15550200") and "is out." in page.text("queue-note"))


def test_agents_who_have_called_in_are_seen_and_logged_out(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "desk.yaml").write_text(DESK_FLOW)
    route = f'\n[[routes]]\nnumber = "{DESK}"\nflow = "{tmp_path / "desk.yaml"}"\n'
    (tmp_path / "offhook.toml").write_text(settings(9, 'empty = "wait"') + route)
    options = ("--config", str(tmp_path / "offhook.toml"), "--flow", str(tmp_path / "flow.yaml"))
    bot = start_bot(*options, OFFHOOK_HTTP__PASSWORD=PASSWORD, **LIGHT)
    with chromium(bot.http, microphone(tmp_path / "silence.wav")) as page:
        page.sign_in(PASSWORD)
        page.open("/")
        asyncio.run(takes(bot, page))
