"""A vendor's test server, for a bot in another process: prints the environment that the bot needs."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args

from offhook.testing.serve import serve
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.assemblyai import AssemblyAiServer
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.cartesia import CartesiaServer
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.elevenlabs import ElevenLabsServer
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai import OpenAiServer
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.server import Fault, FaultyServer, VendorServer
from offhook.usererror import UserError


class SpeechVendor(NamedTuple):
    """The server of a speech-to-speech model, where its key is expected, and the path that its address has."""

    make: Callable[..., VendorServer]
    key_variable: str
    path: str


class Vendor(NamedTuple):
    """How a vendor's server is made from texts, what it has, and where its key is expected. `urls` are the options that
    take its addresses, and its attributes with them; `tts_url` is the voice's attribute if it is not the first of them;
    `more` other variables that an engine needs, and attributes."""

    make: Callable[[list[str]], FaultyServer]
    kinds: tuple[str, ...]
    key_variable: str
    urls: tuple[tuple[str, str], ...] = (("BASE_URL", "url"),)
    tts_url: str | None = None
    more: tuple[tuple[str, str], ...] = ()

    def addresses(self, kind: str) -> list[tuple[str, str]]:
        """The options of a recogniser or voice, and the server's attributes for them."""
        if kind == "ASR":
            return list(self.urls)
        option, attribute = self.urls[0]
        return [(option, self.tts_url or attribute)]


def _google(texts: list[str]) -> FaultyServer:
    try:
        from offhook.testing.vendors.google import GoogleServer  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise UserError(
            "there is no Google server", f"{error.name} is missing", "pip install 'offhook[google]'"
        ) from None
    return GoogleServer(texts)


BOTH = ("ASR", "TTS")
VENDORS = {
    "amazon": Vendor(
        AmazonServer,
        BOTH,
        "AWS_SECRET_ACCESS_KEY",
        (("ENDPOINT_URL", "url"),),
        "http_url",
        (("AWS_ACCESS_KEY_ID", "access_key_id"), ("AWS_REGION", "region")),
    ),
    "assemblyai": Vendor(AssemblyAiServer, ("ASR",), "ASSEMBLYAI_API_KEY"),
    "azure": Vendor(AzureServer, BOTH, "AZURE_SPEECH_KEY"),
    "cartesia": Vendor(CartesiaServer, BOTH, "CARTESIA_API_KEY"),
    "deepgram": Vendor(DeepgramServer, BOTH, "DEEPGRAM_API_KEY"),
    "elevenlabs": Vendor(ElevenLabsServer, BOTH, "ELEVENLABS_API_KEY"),
    "google": Vendor(_google, BOTH, "GOOGLE_API_KEY", more=(("GOOGLE_CLOUD_PROJECT", "project"),)),
    "openai": Vendor(OpenAiServer, BOTH, "OPENAI_API_KEY", (("BASE_URL", "http_url"), ("REALTIME_URL", "url"))),
}


SPEECH = {
    "gemini-live": SpeechVendor(GeminiLiveServer, "GEMINI_API_KEY", ""),
    "openai-live": SpeechVendor(OpenAiLiveServer, "OPENAI_API_KEY", "/v1"),
    "openai-realtime": SpeechVendor(OpenAiRealtimeServer, "OPENAI_API_KEY", "/v1"),
}


def made(vendor: str, texts: list[str], replies: list[str], fault: Fault | None) -> FaultyServer:
    """The server of a vendor. Raises UserError."""
    if vendor in SPEECH:
        server: FaultyServer = SPEECH[vendor].make(texts, replies=replies)
    else:
        server = VENDORS[vendor].make(texts)
    server.fault = fault
    return server


def settings(name: str, server: Any) -> Iterator[str]:
    """What a bot needs to use it: variables of the environment, and an agent's file for a speech-to-speech model."""
    if name in SPEECH:
        speech = SPEECH[name]
        yield f"export {speech.key_variable}={server.api_key}"
        yield f"# agent.yaml\nkind: speech\nprovider: {name}\nbase_url: {server.url}{speech.path}"
        yield "instructions: You answer the phone."
        return
    vendor = VENDORS[name]
    yield f"export {vendor.key_variable}={server.api_key}"
    for variable, attribute in vendor.more:
        yield f"export {variable}={getattr(server, attribute)}"
    for kind in vendor.kinds:
        yield f"export OFFHOOK_{kind}__ENGINE={name}"
        for option, attribute in vendor.addresses(kind):
            yield f"export OFFHOOK_{kind}__{name.upper()}__{option}={getattr(server, attribute)}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m offhook.testing.vendors", description=__doc__)
    found.add_argument("vendor", choices=sorted([*VENDORS, *SPEECH]))
    found.add_argument("--text", action="append", default=[], help="what the caller's next turn says; may be repeated")
    found.add_argument("--reply", action="append", default=[], help="what a speech-to-speech model says next")
    found.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes any free one")
    found.add_argument("--fault", choices=get_args(Fault), help="what is wrong with it (docs/testing.md)")
    return found


def main() -> None:
    """The command."""
    given = parser().parse_args()
    serve(
        lambda: made(given.vendor, given.text, given.reply, given.fault),
        given.port,
        lambda server: settings(given.vendor, server),
    )


if __name__ == "__main__":
    main()
