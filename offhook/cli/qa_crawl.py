"""`offhook qa crawl`: the map of an IVR, by calling it."""

from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from offhook.carriers.call_target import call_target, require_listed
from offhook.cli.options import ConfigFile
from offhook.cli.qa_options import FAILURE, Authorities, BotFile
from offhook.engines.requirements import require_installed
from offhook.observe.log import setup
from offhook.pipeline.dialog.limits import KEYS
from offhook.process.event_loop import run_loop
from offhook.qa.bot import Bot
from offhook.qa.caller.clips import clips_of
from offhook.qa.caller.recogniser import Recogniser
from offhook.qa.crawl.crawler import Crawler, CrawlSettings
from offhook.qa.crawl.graph import Action, CrawlLimits
from offhook.qa.crawl.written import write
from offhook.qa.run import Speakers
from offhook.qa.script.script import TRANSPORTS, CallSettings, is_stream
from offhook.qa.script.steps import Speech
from offhook.settings.config import Config
from offhook.settings.sip_address import is_sip
from offhook.usererror import UserError, plain

ALL_KEYS = "1234567890*#"
_LIMITS, _CALL = CrawlLimits(), CallSettings()


def crawl(  # noqa: PLR0913  # each is one option
    config: ConfigFile = None,
    *,
    target: Annotated[
        str | None, typer.Option("--target", help="The IVR: sip:USER@HOST:PORT, HOST:PORT.", metavar="ADDRESS")
    ] = None,
    bot: BotFile = None,
    out: Annotated[Path, typer.Option("--out", help="The folder for the map.", metavar="DIR")] = Path("map"),
    keys: Annotated[
        str | None, typer.Option(help=f"Keys to try at each prompt; without --speech {ALL_KEYS}.", metavar="KEYS")
    ] = None,
    speech: Annotated[
        list[str] | None, typer.Option(help="Something to say at each prompt; may be repeated.", metavar="TEXT")
    ] = None,
    suggested: Annotated[
        bool, typer.Option("--suggested", help="Try what prompts offer, by the recogniser of the settings.", metavar="")
    ] = False,
    depth: Annotated[int, typer.Option(min=1, max=30, help="Actions in a row.")] = _LIMITS.depth,
    calls: Annotated[int, typer.Option(min=1, max=10_000, help="Calls in all.")] = _LIMITS.calls,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds in all.")] = _LIMITS.seconds,
    call_s: Annotated[float, typer.Option(min=5, max=3_600, help="Seconds of a call.")] = _LIMITS.call_s,
    calls_per_minute: Annotated[float, typer.Option(min=0.1, max=600)] = _LIMITS.calls_per_minute,
    ring_s: Annotated[float, typer.Option(min=1, max=180, help="How long it may ring.")] = _CALL.ring_s,
    wait_s: Annotated[float, typer.Option(min=1, max=60, help="How long a prompt is waited for.")] = _LIMITS.wait_s,
    pause_ms: Annotated[int, typer.Option(min=300, max=5_000, help="A pause that ends a prompt.")] = 1_500,
    transport: Annotated[str, typer.Option(help="udp, tcp or tls.")] = "udp",
    ca: Authorities = None,
) -> None:
    """Map an IVR by calling it: its prompts, what follows which key or words, and a call script for each end.

    Only addresses that the settings allow are called: `outbound.allowed_addresses`, `allowed_numbers` of a trunk.
    0: there is a map; 1: nothing was heard; 130, 143: Ctrl-C or SIGTERM ended it, and what is known is written.
    """
    actions = _actions(keys, speech or [])
    call = CallSettings(ring_s=ring_s, max_s=call_s, pause_ms=pause_ms, transport=_transport(transport))
    limits = CrawlLimits(depth, _LIMITS.nodes, calls, seconds, call_s, calls_per_minute, _LIMITS.repeats, wait_s)
    setup(level="error")
    settings = Config.load(config)
    if bot is None:
        target = _allowed(target, settings)
    with ExitStack() as stack:
        if bot is not None:
            target = stack.enter_context(Bot(bot, config, settings.http.password)).sip
        what = CrawlSettings(target or "", call, limits, actions, ca)
        heard = run_loop(_crawl(what, settings, out, suggested=suggested))
    raise typer.Exit(0 if heard else FAILURE)


async def _crawl(what: CrawlSettings, config: Config, out: Path, *, suggested: bool) -> bool:
    """Whether anything was heard. What is known is written also if the crawl is interrupted."""
    async with AsyncExitStack() as stack:
        speakers = Speakers(config, stack)
        if suggested:
            require_installed(config, tts=False)
            what = replace(what, transcribe=(await stack.enter_async_context(Recogniser(config))).text)

        async def speak(text: str) -> bytes:
            said = Speech(text)
            return (await clips_of((said,), lambda *_: speakers.speak(text, "", ""), seed=1, level_db=0.0))[said]

        def show(line: str) -> None:
            typer.echo(plain(line))

        crawler = Crawler(what, speak, show)
        try:
            await crawler.run()
        finally:
            found = crawler.map
            scripts = write(out, found, crawler.sounds, what.call, what.limits.wait_s)
            for note in found.notes:
                show(f"note: {note}")
            done = f"{found.calls} calls, {len(found.nodes)} prompts, {len(found.edges)} edges, {scripts} scripts"
            typer.echo(f"{done}: {out}")
        return bool(found.nodes)


def _actions(keys: str | None, speech: list[str]) -> list[Action]:
    """What is tried at each prompt. Raises UserError."""
    if keys is None:
        keys = "" if speech else ALL_KEYS
    wrong = next((each for each in keys.upper() if each not in KEYS), None)
    if wrong is not None:
        raise UserError(f"{wrong!r} is not on a phone", "keys are 0-9 * # A-D", f"--keys {ALL_KEYS}", "--keys")
    if not all(each.strip() for each in speech):
        raise UserError("there is nothing to say", "the text is empty", '--speech "opening hours"', "--speech")
    return [Action("press", key) for key in dict.fromkeys(keys.upper())] + [
        Action("say", text) for text in dict.fromkeys(speech)
    ]


def _transport(name: str) -> str:
    if name not in TRANSPORTS:
        raise UserError(
            f"there is no transport {name[:20]!r}", "it is udp, tcp or tls", "--transport udp", "--transport"
        )
    return name


def _allowed(target: str | None, config: Config) -> str:
    """The URI of an address that may be called. Raises UserError for any other."""
    if not target:
        raise UserError(
            "nobody is called", "no IVR is given", "--target sip:ivr@192.0.2.10, or --bot flow.yaml", "--target"
        )
    if is_stream(target):
        why = "a stream (WebSocket) is no number that could be called again and again"
        raise UserError(f"{target} cannot be crawled", why, "--target sip:ivr@192.0.2.10:5060", "--target")
    is_host = ":" in target and not is_sip(target) and not target.startswith(("+", "tel:"))
    called = call_target(f"sip:bot@{target}" if is_host else target, None, config)
    require_listed(called, config, by_others=True)
    return called.uri
