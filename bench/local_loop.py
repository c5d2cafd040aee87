"""Where the time of a turn goes when everything is on this machine: detector, Whisper, a language model, a voice.

    .venv/bin/python -m bench.local_loop --base-url http://127.0.0.1:8000/v1 [--model NAME] [--turns 20] [--json]

The model's server is one that runs already, such as llama.cpp's (`python -m llama_cpp.server --model FILE.gguf`).
The calls come over SIP and RTP on loopback; callers say recorded people's sentences (`bench.human_speech` fetches
them), hear the reply, and go on. The marks are those of the ledger in docs/records.md.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from bench.heard import HOST
from bench.human_speech import SPEECH, turns
from bench.listener import model_folder
from offhook import Agent
from offhook.api.call import Call
from offhook.llm.registry import make_model
from offhook.observe.log import setup
from offhook.pipeline.trace import Mark, SessionEvent, TurnTrace, TurnTraced
from offhook.process.event_loop import run_loop
from offhook.process.local_bot import LocalBot
from offhook.records.cdr import percentile
from offhook.settings.config import AsrConfig, Config, HttpConfig, RecordsConfig, SipConfig
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller

INSTRUCTIONS = "You answer the phone of a bicycle shop. Answer in one short sentence."
MARKS = (
    Mark.LIKELY_ENDED,
    Mark.TURN_ENDED,
    Mark.TRANSCRIBED,
    Mark.FIRST_TOKEN,
    Mark.FIRST_CLAUSE,
    Mark.SYNTHESISED,
    Mark.SENT,
    Mark.VOICED,
)
TURNS_OF_CALL = 5
REPLY_S, PAUSE_S = 15.0, 1.0


async def converse(bot: LocalBot, sentences: Sequence[bytes]) -> None:
    """One call: each sentence, and the reply to it."""
    caller = await Caller.dial(HOST, Address(bot.sip_address.host, bot.sip_address.port))
    try:
        for sentence in sentences:
            await caller.listen()
            await caller.say(sentence)
    except TimeoutError:
        print("no reply came")
    finally:
        caller.close()


async def measure(agent: Agent, sentences: Sequence[bytes], folder: Path, model: Path) -> list[TurnTrace]:
    """The ledgers of turns."""
    traces: list[TurnTrace] = []

    def on_event(_call_id: str, event: SessionEvent) -> None:
        if isinstance(event, TurnTraced):
            traces.append(event.trace)

    async def dialog(call: Call) -> None:
        await agent.run(call)

    config = Config(
        sip=SipConfig(host=HOST, port=0),
        http=HttpConfig(host=HOST, port=0),
        records=RecordsConfig(dir=folder),
        asr=AsrConfig.model_validate({"engine": "whisper", "whisper": {"model": str(model)}}),
    )
    bot = LocalBot(config, dialog)
    bot.listeners.append(on_event)
    await bot.start()
    try:
        for at in range(0, len(sentences), TURNS_OF_CALL):
            await converse(bot, sentences[at : at + TURNS_OF_CALL])
    finally:
        await bot.stop()
    return traces


def rows(traces: Sequence[TurnTrace]) -> list[dict[str, object]]:
    """Milliseconds from the caller's last sound to each mark. A reply that was begun early has its first token before
    the turn's end."""
    found: dict[str, list[float]] = {}
    for trace in traces:
        for mark in MARKS:
            if mark in trace.marks:
                found.setdefault(mark, []).append(1_000 * (trace.marks[mark] - trace.marks[Mark.SPEECH_ENDED]))
    return [
        {"mark": name, "turns": len(times)}
        | {f"p{rank}_ms": round(percentile(times, rank) or 0.0) for rank in (50, 95)}
        for name, times in sorted(found.items(), key=lambda each: percentile(each[1], 50) or 0.0)
    ]


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--base-url", required=True)
    options.add_argument("--model", default="local")
    options.add_argument("--turns", type=int, default=20)
    options.add_argument("--speech", type=Path, default=SPEECH)
    options.add_argument("--whisper", type=Path, default=model_folder())
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    if args.whisper is None:
        raise SystemExit("No Whisper model: give a folder with --whisper, see `offhook models`.")
    setup(level="error")
    sentences = [np.round(clip.samples).astype("<i2").tobytes() for clip in islice(turns(args.speech), args.turns)]
    model = make_model("openai", {"model": args.model, "base_url": args.base_url})
    agent = Agent(INSTRUCTIONS, model=model, greeting="Hello. How can I help you?")

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            traces = await measure(agent, sentences, Path(folder), args.whisper)
        for row in rows(traces):
            print(json.dumps(row) if args.json else f"| {' | '.join(map(str, row.values()))} |")

    run_loop(run())


if __name__ == "__main__":
    main()
