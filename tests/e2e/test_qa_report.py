"""The report of a run in a real browser, the packets of its calls beside tshark, and runs beside a baseline."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from offhook.qa.report import attachments
from offhook.qa.report.page import HtmlReport
from offhook.qa.script.expect import MEASURES
from tests.e2e.browser import WIDTHS, Browser, chromium
from tests.e2e.sniffer import by_tshark
from tests.e2e.test_page import barriers
from tests.e2e.test_qa import offhook_qa
from tests.e2e.test_qa_pcap import judged
from tests.qa.prompts import copied_to
from tests.qa.report.made_up import recording, results

IVR = Path(__file__).parents[1] / "qa" / "ivr.py"
HOURS = """
name: hours
line: {down: {jitter_ms: 12, loss_percent: 3}}
prompts: {hours: hours.wav}
steps:
  - interrupt: {after_ms: 1200, say: balance.wav}
  - wait_for: {prompt: hours, within_ms: 6000}
  - hang_up
"""
"""Without keys: tshark takes their timestamps, which stand still (RFC 4733 §2.5.1.2), for jitter."""
SHORT = "name: short\nsteps:\n  - wait: 700\n  - hang_up\n"


@pytest.fixture
def ivr(tmp_path: Path) -> Iterator[str]:
    """Where the foreign IVR listens, with its prompts in the test's folder."""
    command = [sys.executable, str(IVR), str(copied_to(tmp_path)), ""]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


# ---- in a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Path]]:
    """A browser with a report of made-up calls, whose far end is hostile."""
    folder = tmp_path_factory.mktemp("report")
    with chromium("", has_microphone=False) as browser:
        yield browser, report_in(folder)


def report_in(folder: Path) -> Path:
    report = HtmlReport(folder / "report.html")
    for each in results():
        report.add(each)
    report.write()
    return folder / "report.html"


def opened(page: tuple[Browser, Path]) -> Browser:
    browser, path = page
    browser.driver.get(path.as_uri())
    return browser


def test_nothing_of_a_hostile_far_end_runs(page: tuple[Browser, Path]) -> None:
    browser = opened(page)
    assert browser.driver.find_elements(By.CSS_SELECTOR, "button.at"), "the page's own script does"
    assert browser.run("return window.evil === undefined")
    assert browser.complaints() == []
    # Even markup that had slipped through would not.
    browser.run(
        "const made = document.createElement('div'); made.innerHTML = args[0]; document.body.append(made);"
        "const script = document.createElement('script'); script.textContent = 'window.evil = 1';"
        "document.body.append(script); await new Promise((done) => setTimeout(done, 200));",
        "<img src=x onerror='window.evil = 1'>",
    )
    assert browser.run("return window.evil === undefined")
    assert any("Content Security Policy" in each for each in browser.complaints())


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_use_the_page(page: tuple[Browser, Path], width: str, dark: bool) -> None:
    browser = opened(page)
    browser.show(WIDTHS[width], dark=dark)
    browser.driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert barriers(browser) == []
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth"), (
        "it is not scrolled sideways"
    )


def test_the_call_is_heard_from_a_time_that_is_pressed(page: tuple[Browser, Path]) -> None:
    browser = opened(page)
    browser.wait_for("#call-1 audio")
    browser.driver.find_element(By.CSS_SELECTOR, "#call-1 .findings button.at").click()
    audio = "document.querySelector('#call-1 audio')"
    browser.wait(lambda: browser.run(f"return {audio}.currentTime > 8.5"))
    assert browser.run(f"return {audio}.duration") == pytest.approx(recording().seconds, abs=0.01)
    head = "return Number(document.querySelector('#call-1 .playhead').getAttribute('x1'))"
    browser.wait(lambda: browser.run(head) > 0)


def test_downloads_are_what_was_recorded(page: tuple[Browser, Path], tmp_path: Path) -> None:
    browser = opened(page)
    behavior = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", behavior)
    for link in browser.driver.find_elements(By.CSS_SELECTOR, "#call-1 .downloads a"):
        link.click()
    expected = {".wav": recording().wav(), ".pcap": recording().pcap()}

    def got() -> dict[str, bytes]:
        return {each.suffix: each.read_bytes() for each in tmp_path.iterdir()}

    browser.wait(lambda: got() == expected)


def test_the_page_is_read_without_its_script(page: tuple[Browser, Path]) -> None:
    browser, path = page
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(path.as_uri())
        assert not browser.driver.find_elements(By.CSS_SELECTOR, "button.at")
        words = browser.driver.find_element(By.CSS_SELECTOR, "#call-1").get_property("textContent")
        assert "a gap" in str(words) and "180 Ringing" in str(words) and "8.50 s" in str(words)
        assert browser.driver.find_elements(By.CSS_SELECTOR, "#call-1 audio[controls]")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_sound_beside_the_page_is_played(
    page: tuple[Browser, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_EMBEDDED_BYTES", 1_000)
    browser = opened((page[0], report_in(tmp_path)))
    audio = "document.querySelector('#call-1 audio')"
    browser.run(f"{audio}.preload = 'metadata'; {audio}.load()")
    browser.wait(lambda: browser.run(f"return {audio}.duration > 9"))
    assert browser.complaints() == []


# ---- real calls


def results_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["results"]
    return found


@pytest.mark.peer
def test_the_packets_of_a_call_are_as_tshark_has_them(tmp_path: Path, ivr: str) -> None:
    (tmp_path / "hours.yaml").write_text(HOURS)
    options = ("--html", "report.html", "--json", "out.json", "--save", "saved")
    status, said = offhook_qa(tmp_path, "run", "hours.yaml", "--target", ivr, *options)
    assert status == 0, said
    (result,) = results_of(tmp_path / "out.json")
    media, path = result["call"]["media"], tmp_path / "saved" / "hours.pcap"
    theirs, ours = by_tshark(path), judged(path)["streams"]
    assert len(theirs) == len(ours) == 2, "there and back"
    for stream in ours:
        other = theirs[stream["source"], stream["destination"], stream["ssrc"]]
        assert stream["packets"] == other["packets"]
        assert stream["loss"]["lost"] == other["lost"]
        assert stream["jitter_mean_ms"] == pytest.approx(other["jitter_mean_ms"], rel=0.01, abs=0.01)
    sent, heard = sorted(ours, key=lambda each: bool(each["from"] != "caller"))
    assert sent["packets"] == media["sent"]
    assert (heard["packets"], heard["loss"]["lost"]) == (media["packets"], media["lost"])
    assert media["lost"] > 0, "the line was bad"
    assert heard["jitter_ms"] == pytest.approx(media["jitter_ms"], rel=0.01, abs=0.02)
    assert {each.stat().st_mode & 0o777 for each in (path, tmp_path / "out.json", tmp_path / "report.html")} == {0o600}
    report = (tmp_path / "report.html").read_text()
    assert "interrupted by" in report and "application/vnd.tcpdump.pcap;base64," in report


def test_runs_are_compared_with_a_baseline(tmp_path: Path, ivr: str) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    run = ("run", "short.yaml", "--target", ivr)
    status, said = offhook_qa(tmp_path, *run, "--repeat", "2", "--save-baseline", "base.json", "--json", "out.json")
    assert status == 0 and "short (2)" in said, said
    assert [each["repeat"] for each in results_of(tmp_path / "out.json")] == [1, 2]
    # How fast this machine is at the moment is not judged.
    timed = [name for name, measure in MEASURES.items() if measure.unit in ("ms", "ppm")]
    wide = [word for name in timed for word in ("--tolerance", f"{name}=100,5000")]
    status, said = offhook_qa(tmp_path, *run, "--baseline", "base.json", *wide)
    assert status == 0 and "ok      baseline" in said and "p50 of answer_ms" in said, said

    baseline = json.loads((tmp_path / "base.json").read_text())
    values = baseline["scripts"]["short"]["values"]
    values["answer_ms"] = [0.001] * 20
    (tmp_path / "base.json").write_text(json.dumps(baseline))
    strict = ("--tolerance", "answer_ms=1,0.01")
    status, said = offhook_qa(tmp_path, *run, "--baseline", "base.json", *strict, "--json", "out.json")
    assert status == 1, said
    kinds = {each["kind"] for each in results_of(tmp_path / "out.json")[-1]["findings"]}
    assert kinds >= {"worse", "not_measured"}, "its median is worse, and it has no p95"

    (tmp_path / "short.yaml").write_text(SHORT.replace("700", "800"))
    status, said = offhook_qa(tmp_path, *run, "--baseline", "base.json")
    assert status == 2 and "'short' is another script" in said and "passed" not in said, "it is not even called"


def test_a_script_that_passes_sometimes_is_flaky(tmp_path: Path) -> None:
    """An IVR that answers every second call."""
    (tmp_path / "short.yaml").write_text(SHORT)
    program = IVR.read_text().replace(
        'if text.startswith("INVITE") and call_id not in calls:',
        'if text.startswith("INVITE") and call_id not in calls and len(calls) == 1:\n'
        '        calls[call_id] = Call(("127.0.0.1", 9))\n'
        '        sip.sendto(answer("486 Busy Here", text), caller)\n'
        '    elif text.startswith("INVITE") and call_id not in calls:',
    )
    (tmp_path / "ivr.py").write_text(program)
    command = [sys.executable, str(tmp_path / "ivr.py"), str(copied_to(tmp_path)), ""]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        target = f"127.0.0.1:{int(process.stdout.readline())}"
        options = ("--repeat", "3", "--junit", "out.xml", "--save-baseline", "base.json")
        status, said = offhook_qa(tmp_path, "run", "short.yaml", "--target", target, *options)
    finally:
        process.kill()
        process.communicate()
    assert status == 1 and "3 runs of the same script disagree" in said, said
    assert "found: 2 times nothing, 1 times not_answered" in said
    assert 'type="flaky"' in (tmp_path / "out.xml").read_text()
    assert not (tmp_path / "base.json").exists() and "base.json is not written" in said


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--baseline", "none.json"), "none.json cannot be read"),
        (("--html", "none/report.html"), "there is no folder none"),
        (("--tolerance", "respons_ms=1,2"), "did you mean `response_ms`?"),
        (("--tolerance", "response_ms=fast"), "is no tolerance"),
        (("--repeat", "0"), "--repeat"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_call(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    (tmp_path / "short.yaml").write_text(SHORT)
    status, said = offhook_qa(tmp_path, "run", "short.yaml", "--target", "127.0.0.1:9", *options)
    assert status == 2 and why in said, said
