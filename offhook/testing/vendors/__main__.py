"""A vendor's test server, for a bot in another process: prints the environment that the bot needs."""

import argparse
import asyncio
from collections.abc import Callable
from typing import NamedTuple, get_args

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


async def serve_speech(name: str, texts: list[str], replies: list[str], port: int, fault: Fault | None) -> None:
    """The same for a speech-to-speech model, with its replies: prints the key, and an agent's file as well."""
    vendor = SPEECH[name]
    server = vendor.make(texts, replies=replies)
    server.fault = fault
    await server.start(port)
    print(f"export {vendor.key_variable}={server.api_key}")  # noqa: T201 - it is what the command is for
    print(f"# agent.yaml\nkind: speech\nprovider: {name}\nbase_url: {server.url}{vendor.path}")  # noqa: T201
    print("instructions: You answer the phone.", flush=True)  # noqa: T201
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


async def serve(name: str, texts: list[str], port: int, fault: Fault | None) -> None:
    """Serve until cancelled."""
    vendor = VENDORS[name]
    server = vendor.make(texts)
    server.fault = fault
    await server.start(port)
    print(f"export {vendor.key_variable}={server.api_key}")  # noqa: T201 - it is what the command is for
    for variable, attribute in vendor.more:
        print(f"export {variable}={getattr(server, attribute)}")  # noqa: T201
    for kind in vendor.kinds:
        print(f"export OFFHOOK_{kind}__ENGINE={name}")  # noqa: T201
        for option, attribute in vendor.addresses(kind):
            print(f"export OFFHOOK_{kind}__{name.upper()}__{option}={getattr(server, attribute)}", flush=True)  # noqa: T201
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


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
    try:
        if given.vendor in SPEECH:
            asyncio.run(serve_speech(given.vendor, given.text, given.reply, given.port, given.fault))
        else:
            asyncio.run(serve(given.vendor, given.text, given.port, given.fault))
    except KeyboardInterrupt:
        return
    except UserError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
