"""A real Chromium with a microphone that plays a recording."""

import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.conftest import speech

RATE_HZ = 8_000
WIDTHS = {"narrow": 360, "wide": 1280}


def microphone(path: Path, *spoken: tuple[float, str]) -> Path:
    """Write what the microphone plays: recordings, each at its second; silence around them."""
    end = max((at for at, _ in spoken), default=0.0) + 30.0
    pcm = bytearray(2 * round(end * RATE_HZ))
    for at, name in spoken:
        start = 2 * round(at * RATE_HZ)
        said = speech(name)
        pcm[start : start + len(said)] = said
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE_HZ)
        audio.writeframes(bytes(pcm))
    return path


class Browser:
    """One window."""

    def __init__(self, driver: webdriver.Chrome, http: str) -> None:
        self.driver = driver
        self._http = http

    def open(self, path: str) -> None:
        """Go there."""
        self.driver.get(f"http://{self._http}{path}")

    def show(self, width: int, *, dark: bool = False, height: int = 900) -> None:
        """A screen of that width, light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def sign_in(self, password: str) -> None:
        """Give the password as somebody types it; the browser sends it from now on."""
        self.driver.get(f"http://me:{quote(password)}@{self._http}/calls")

    def by_id(self, name: str) -> WebElement:
        """The element."""
        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        """What is to be read in it, its hidden parts included."""
        return str(self.by_id(name).get_property("textContent"))

    def level(self, name: str) -> int:
        """What a meter shows."""
        return int(self.by_id(name).get_attribute("aria-valuenow") or 0)

    def run(self, script: str, *arguments: Any) -> Any:
        """The result of an asynchronous script: the body of an async function."""
        wrapped = (
            "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);"
            f"(async (...args) => {{ {script} }})(...given).then(done, (error) => done(`error: ${{error}}`));"
        )
        return self.driver.execute_async_script(wrapped, *arguments)

    def wait(self, what: Callable[[], Any], seconds: float = 15.0) -> Any:
        """Until it is so; AssertionError if it never is."""
        return WebDriverWait(self.driver, seconds, poll_frequency=0.05, ignored_exceptions=()).until(
            lambda _: what(), f"not within {seconds} s; the page says: {self._page()}"
        )

    def wait_for(self, selector: str) -> None:
        """Until there is such an element."""
        self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, selector))

    def complaints(self) -> list[str]:
        """What the console says of errors."""
        log: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [str(entry["message"]) for entry in log if entry["level"] == "SEVERE"]

    def _page(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, "body").text)[:2_000]


@contextmanager
def chromium(http: str, recording: Path | None = None, *, has_microphone: bool = True) -> Iterator[Browser]:
    """A browser for the bot at `http`, with `recording` as its microphone."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--mute-audio"]
    if has_microphone:
        arguments += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    arguments += ["--autoplay-policy=user-gesture-required", "--window-size=1280,900", "--lang=en"]
    if recording is not None:
        arguments.append(f"--use-file-for-fake-audio-capture={recording}%noloop")
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    try:
        driver.set_script_timeout(30)
        yield Browser(driver, http)
    finally:
        driver.quit()
