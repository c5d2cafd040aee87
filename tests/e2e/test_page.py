"""The pages in a real browser, and a conversation from one of its tabs."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from offhook.sip.net.address import Address
from offhook.telephony.codec import codec_named
from offhook.testing.sip_caller import Caller
from tests.e2e.browser import Browser, chromium, microphone
from tests.e2e.conftest import BotProcess
from tests.ports import own_ports

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
DIGITS = "4711"
EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    one = BotProcess(tmp_path_factory.mktemp("page-bot"), OFFHOOK_RECORDS__RECORD_AUDIO="true")
    yield one
    one.close()


@pytest.fixture(scope="module")
def talked(bot: BotProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose tab has had a conversation with the bot: by speech, by keys, with an interruption."""
    recording = microphone(
        tmp_path_factory.mktemp("microphone") / "caller.wav", (9.0, "check-my-balance"), (21.0, "goodbye")
    )
    with chromium(bot.http, recording) as browser:
        browser.open("/")
        browser.by_id("talk").click()
        yield browser


def loudest(browser: Browser, meter: str, seconds: float) -> int:
    """The highest level within a time."""
    end = time.monotonic() + seconds
    found = 0
    while time.monotonic() < end:
        found = max(found, browser.level(meter))
    return found


def barriers(browser: Browser) -> list[tuple[str, str]]:
    """What axe-core finds on the page: the rule, and the first element that breaks it."""
    assert AXE.is_file(), "axe-core is not installed; type: make page"
    browser.driver.execute_script(AXE.read_text())
    found = browser.run("return (await axe.run()).violations")
    return [(one["id"], one["nodes"][0]["html"]) for one in found]


def press(browser: Browser, keys: str) -> None:
    for key in keys:
        browser.driver.find_element(By.XPATH, f"//div[@id='keypad']/button[text()='{key}']").click()


def test_a_conversation(talked: Browser, bot: BotProcess) -> None:
    page = talked
    # The bot's voice comes out of the tab, the recorded question goes in, and both sides' words appear.
    page.wait(lambda: page.level("theirs") > 30)
    page.wait(lambda: "How can I help you?" in page.text("transcript"))
    page.wait(lambda: page.level("mine") > 30)
    page.wait(lambda: "check my balance" in page.text("transcript"))
    page.wait(lambda: "last four digits" in page.text("transcript"))
    assert "stateaccount" in page.text("facts")
    press(page, DIGITS)
    page.wait(lambda: "The balance of your current account" in page.text("transcript"))
    assert DIGITS not in page.text("transcript")
    assert "4 keys" in page.text("transcript")
    assert loudest(page, "theirs", 1.0) > 30
    # The interruption: the bot falls silent in the middle of its sentence, and says goodbye.
    cut = "//ol[@id='transcript']/li[contains(., 'current account') and contains(., 'interrupted')]"
    page.wait(lambda: page.driver.find_elements(By.XPATH, cut))
    assert loudest(page, "theirs", 0.3) == 0
    assert page.driver.find_elements(By.XPATH, f"{cut}//s[contains(., 'no payments are waiting')]")
    page.wait(lambda: page.by_id("talk").text == "Talk")
    assert page.text("phone-note") == "The bot hung up. See its record"
    page.wait(lambda: page.text("status") == "ready · 0 calls")
    assert page.level("theirs") == 0
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#turns tr")) == 3
    bot.wait_for(lambda: bot.records()[-1]["end"] is not None)
    record = bot.records()[-1]
    link = page.driver.find_element(By.CSS_SELECTOR, "#phone-note a").get_attribute("href") or ""
    assert link.endswith(f"/calls/{record['uniqueid']}")
    assert (record["ended_by"], record["turns"], record["transport"]) == ("bot", 3, "ws")
    assert record["barge_ins"] >= 1  # and one more where the keys came before the end of the question
    assert page.complaints() == []


def test_the_call_s_page(talked: Browser) -> None:
    page = talked
    page.open("/calls")
    page.wait_for("#found a")
    assert page.driver.find_elements(By.CSS_SELECTOR, "#response-chart svg")
    assert [cell.text for cell in page.driver.find_elements(By.CSS_SELECTOR, "#found td")][1:4] == [
        "browser",
        "bot",
        "answered",
    ]
    assert re.search(r":\d\d:\d\d", page.text("found")), "with its second"
    ending = page.driver.find_element(By.CSS_SELECTOR, "#found .ended")
    ActionChains(page.driver).move_to_element(ending).click().perform()  # the whole row is the link
    page.wait_for(".word")
    words = page.driver.find_elements(By.CSS_SELECTOR, ".line.bot .word")
    # A word that is clicked is heard: the recording plays from where it was said.
    page.wait_for("#controls button, #recording audio")
    word = next(one for one in words if one.text.startswith("thirty"))
    said_at = float(word.get_attribute("data-from") or 0)
    word.click()
    page.wait(lambda: "now" in (word.get_attribute("class") or ""))
    assert 13 < said_at < 21
    assert page.complaints() == []


def test_downloads(talked: Browser) -> None:
    for name, kind in (("audio.wav", "audio/wav"), ("transcript.txt", "text/plain"), ("call.json", "application/json")):
        link = talked.driver.find_element(By.CSS_SELECTOR, f'#downloads a[href$="{name}"]').get_attribute("href")
        got = talked.run("const a = await fetch(args[0]); return [a.status, a.headers.get('content-type')];", link)
        assert got[0] == 200
        assert got[1].startswith(kind)


def test_the_page_without_wavesurfer(talked: Browser) -> None:
    page = talked
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/vendor/*"]})
    try:
        page.driver.refresh()
        page.wait(lambda: "not installed" in page.text("player-note"))
        assert page.driver.find_elements(By.CSS_SELECTOR, "#recording audio[controls]")
        assert page.driver.find_elements(By.CSS_SELECTOR, ".word")
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.complaints()  # those of what was blocked are none


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_are_accessible_and_fit(talked: Browser, bot: BotProcess, width: int, dark: bool) -> None:
    page = talked
    page.show(width, dark=dark)
    uniqueid = bot.records()[-1]["uniqueid"]
    for path, there in (("/", "#keypad button"), ("/calls", "#found a"), (f"/calls/{uniqueid}", ".word")):
        page.open(path)
        page.wait_for(there)
        page.driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        overflow = page.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{path} is {overflow} px too wide"
        assert barriers(page) == []


HOVERED = {
    "/": ("#talk", "#options summary", ".top nav a:not([aria-current])"),
    "/calls": ("#filters button", "#refresh", "#csv", "#found a", "#found .ended", "#more-filters summary"),
    "/nowhere": ("main a",),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_the_mouse_is_on_can_be_read(talked: Browser, dark: bool) -> None:
    page = talked
    page.show(1280, dark=dark)
    for path, selectors in HOVERED.items():
        page.open(path)
        page.wait_for(selectors[0])
        if path == "/calls":
            page.wait_for("#found a")
        for selector in selectors:
            assert contrast_with_the_mouse_on(page, selector) >= 4.5, f"{path} {selector}"
    page.complaints()  # the page that is not there


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_hang_up_can_be_read_with_the_mouse_on_it(talked: Browser, dark: bool) -> None:
    page = talked
    page.show(1280, dark=dark)
    page.open("/")
    for state in ("starting", "talking"):
        page.driver.execute_script("document.getElementById('talk').dataset.state = arguments[0]", state)
        assert contrast_with_the_mouse_on(page, "#talk") >= 4.5
        assert barriers(page) == []


def contrast_with_the_mouse_on(page: Browser, selector: str) -> float:
    """Of an element's text and what is behind it (WCAG 2.2, 1.4.3)."""
    element = page.driver.find_element(By.CSS_SELECTOR, selector)
    ActionChains(page.driver).move_to_element(element).perform()
    script = """
        const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const luminance = (colour) => {
            const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            const [r, g, b] = parts(colour).map((c) => linear(c / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const element = arguments[0];
        let behind = element;
        while ((parts(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
        const both = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(luminance);
        if (!(element.closest("tr") ?? element).matches(":hover")) throw new Error("the mouse is not on it");
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    """
    return float(page.driver.execute_script(script, element))


def test_on_a_phone_the_keypad_is_a_phone_s_and_calls_come_before_charts(talked: Browser) -> None:
    page = talked
    page.show(390)
    page.open("/")
    page.wait_for("#keypad button")
    keys = page.driver.find_elements(By.CSS_SELECTOR, "#keypad button")
    rows = sorted({key.rect["y"] for key in keys})
    assert ["".join(key.text for key in keys if key.rect["y"] == y) for y in rows] == ["123", "456", "789", "*0#"]
    page.open("/calls")
    page.wait_for("#found a")
    first, chart = (page.driver.find_element(By.CSS_SELECTOR, one).rect["y"] for one in ("#found a", "#charts"))
    assert first < 450 and first < chart
    page.show(1280)


def test_pages_without_anything_to_show(talked: Browser) -> None:
    page = talked
    page.open("/calls?outcome=crash")
    page.wait(lambda: page.text("none") == "No call matches. Show all calls")
    page.open("/calls?outcome=foo")  # the form does not have it: it asks for all
    page.wait_for("#found a")
    page.open("/calls/nothing")
    page.wait(lambda: "no record of a call with this id" in page.text("trouble"))
    assert not page.by_id("conversation").is_displayed()
    page.open("/nowhere")
    assert "There is no such page" in page.driver.find_element(By.TAG_NAME, "main").text
    page.complaints()  # of what is not there


def test_codec_and_resampler_in_the_browser(talked: Browser) -> None:
    samples = list(range(-32_768, 32_768, 251))
    script = """
        const { encode, DECODED } = await import("/page/js/mulaw.js");
        const { Resampler } = await import("/page/js/resampler.js");
        const tone = (hz) => Float32Array.from({ length: 48000 }, (_, i) => Math.sin((2 * Math.PI * hz * i) / 48000));
        const loudness = (hz) => {
            const heard = new Resampler(48000, 8000).process(tone(hz)).slice(1000);
            return Math.sqrt((2 * heard.reduce((sum, x) => sum + x * x, 0)) / heard.length);
        };
        return {
            encoded: args[0].map((sample) => encode(sample / 32768)),
            decoded: [...DECODED].map((value) => Math.round(value * 32768)),
            passed: [300, 1000, 3000].map(loudness),
            stopped: [4600, 7000, 12000].map(loudness),
        };
    """
    got = talked.run(script, samples)
    codec = codec_named("PCMU")
    payload = codec.encode(b"".join(one.to_bytes(2, "little", signed=True) for one in samples))
    # Rounding at the steps' edges differs by one step.
    assert max(abs(ours - theirs) for ours, theirs in zip(got["encoded"], payload, strict=True)) <= 1
    decoded = memoryview(codec.decode(bytes(range(256)))).cast("h")
    assert got["decoded"] == list(decoded)
    assert all(abs(one - 1) < 0.01 for one in got["passed"])
    assert all(one < 0.001 for one in got["stopped"])


def test_what_a_caller_calls_himself_is_only_text(talked: Browser, bot: BotProcess) -> None:
    page = talked
    page.open("/")
    script = """
        const { Stream } = await import("/page/js/stream.js");
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
            return send.call(this, text.replace('"from":"browser"', `"from":${JSON.stringify(args[0])}`));
        };
        window.evil = new Stream(`ws://${location.host}/plain/media`, "evil");
        await new Promise((resolve) => window.evil.addEventListener("open", resolve));
        WebSocket.prototype.send = send;
    """
    page.run(script, EVIL)
    page.wait(lambda: EVIL in page.text("calls"))
    page.wait(lambda: EVIL in page.text("call-title"))
    page.wait_for("#transcript li")
    assert barriers(page) == []
    page.driver.execute_script("window.evil.stop()")
    assert page.driver.find_elements(By.CSS_SELECTOR, "img") == []
    bot.wait_for(lambda: bot.records()[-1]["end"] is not None)
    page.open("/calls")
    page.wait(lambda: EVIL in page.text("found"))
    assert page.driver.find_elements(By.CSS_SELECTOR, "img") == []


def test_refusals_are_told(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", "--workers", "1", OFFHOOK_CALLS__MAX_CALLS="1")
    with chromium(bot.http, microphone(tmp_path / "silence.wav")) as page:
        page.open("/")
        page.by_id("talk").click()
        page.wait(lambda: page.by_id("talk").text == "Hang up")
        page.driver.switch_to.new_window("tab")
        page.open("/")
        page.by_id("talk").click()
        page.wait(lambda: "all 1 allowed calls are in progress" in page.text("phone-note"))
        assert page.by_id("talk").text == "Talk"


def test_a_visitor_with_the_password_talks(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    """The bot has no carrier's token: the ticket that the page gets is what lets it in."""
    environment = {"OFFHOOK_HTTP__PASSWORD": "a long one", "OFFHOOK_TWILIO__ENABLED": "false"}
    bot = start_bot("--bench-engines", "--workers", "2", **environment)
    with chromium(bot.http, microphone(tmp_path / "silence.wav")) as page:
        page.open("/")
        assert page.driver.find_elements(By.ID, "talk") == []
        page.sign_in("a long one")
        page.open("/")
        page.driver.find_element(By.CSS_SELECTOR, "#options summary").click()
        page.by_id("called").send_keys("+15550100")
        page.by_id("parameters").send_keys("customer=4711")
        page.by_id("talk").click()
        page.wait(lambda: page.by_id("talk").text == "Hang up")
        page.wait(lambda: page.level("theirs") > 30)
        page.by_id("talk").click()
        assert page.text("phone-note") == "You hung up. See its record"
    bot.wait_for(lambda: [row["end"] is not None for row in bot.records()] == [True])
    (record,) = bot.records()
    assert (record["src"], record["dst"], record["ended_by"]) == ("browser", "+15550100", "caller")


def test_a_new_bot_s_pages_and_one_that_is_gone(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", "--workers", "1")
    with chromium(bot.http, microphone(tmp_path / "silence.wav")) as page:
        page.open("/calls")
        page.wait(lambda: page.text("none").startswith("No calls yet."))
        page.open("/")
        page.wait(lambda: page.text("status") == "ready · 0 calls")
        bot.process.terminate()
        bot.process.wait(20)
        page.wait(lambda: page.text("status") == "the bot cannot be reached")
        page.by_id("talk").click()
        page.wait(lambda: "the bot cannot be reached" in page.text("phone-note"))
        card, note = page.driver.find_element(By.CSS_SELECTOR, ".phone"), page.by_id("phone-note")
        assert note.rect["width"] <= card.rect["width"]
        assert page.driver.execute_script("return arguments[0].scrollWidth - arguments[0].clientWidth", card) <= 0


async def _call(bot: BotProcess) -> None:
    caller = await asyncio.wait_for(Caller.dial(bot.host, Address(bot.host, bot.port)), 10)
    await asyncio.wait_for(caller.listen_for(0.5), 10)
    caller.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_call_over_sip_has_its_ladder(talked: Browser, bot: BotProcess, dark: bool) -> None:
    page = talked
    page.show(1280, dark=dark)
    asyncio.run(_call(bot))
    bot.wait_for(lambda: bot.records()[-1]["transport"] == "udp" and bot.records()[-1]["end"] is not None)
    page.open(f"/calls/{bot.records()[-1]['uniqueid']}")
    page.wait(lambda: "ended" in page.text("ladder"))
    labels = [one.text for one in page.driver.find_elements(By.CSS_SELECTOR, "#ladder summary")]
    assert labels == ["INVITE bot", "100 Trying", "200 OK", "ACK", "BYE", "200 OK"]
    assert "RTP PCMU" in page.text("ladder")
    first = page.driver.find_element(By.CSS_SELECTOR, "#ladder summary")
    first.send_keys(Keys.ENTER)
    page.wait(lambda: "Via: SIP/2.0/UDP" in page.text("ladder"))
    assert page.complaints() == []
    assert barriers(page) == []
    page.complaints()  # axe makes styles


def test_what_the_user_agent_has_alive(talked: Browser, bot: BotProcess) -> None:
    page = talked
    page.open("/")
    asyncio.run(_call(bot))  # its transactions outlast it
    page.driver.find_element(By.CSS_SELECTOR, "#sip summary").click()
    page.wait(lambda: "INVITE" in page.text("sip-parts"))
    assert f"{bot.host}:{bot.port}" in page.text("sip-summary")
    assert page.complaints() == []
    assert barriers(page) == []
    page.complaints()  # axe makes styles


@pytest.mark.skipif(find_spec("pjsua2") is None, reason="there is no wheel of PJSIP for this Python")
def test_what_pjsip_does_not_show_is_said(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    low, high = own_ports(40)
    ports = {"OFFHOOK_RTP__PORT_MIN": str(low), "OFFHOOK_RTP__PORT_MAX": str(high)}
    bot = start_bot("--bench-engines", OFFHOOK_SIP__BACKEND="pjsua2", **ports)
    asyncio.run(_call(bot))
    bot.ended()
    with chromium(bot.http, microphone(tmp_path / "silence.wav")) as page:
        page.open(f"/calls/{bot.records()[-1]['uniqueid']}")
        page.wait(lambda: "SIP messages are not seen by this bot: PJSIP carries" in page.text("ladder-note"))
        page.open("/")
        page.driver.find_element(By.CSS_SELECTOR, "#sip summary").click()
        page.wait(lambda: "dialogs and transactions of this bot are not known" in page.text("sip-summary"))
