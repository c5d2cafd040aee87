"""Runs pocketsphinx in a child process, with decoders that are pooled among the streams.

A decoder serves one stream at a time. It takes 30 MB and a tenth of a second to make (with the language model 100 MB
and half a second), so decoders are reused. With a grammar, a stream that finds none free does without: it has no
partials, and the final pass recognises it. In free speech it waits, and its audio is kept.
"""

import json
import re
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np
import pocketsphinx

from offhook.pipeline.asr._narrowband import mean_text, mllr_text, with_image
from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.asr.phone_check import PhoneCheck
from offhook.pipeline.engine_host.protocol import CONSUMED_COUNT, Kind, ProtocolError, StreamFailure, decode_json

BYTES_A_SECOND = 32_000
STEP_BYTES = 1_280
"""40 ms at 16 kHz: a millisecond of work with a grammar, about 15 with the language model."""

PARTIAL_EVERY_BYTES = 3_840
ACKNOWLEDGE_EVERY_BYTES = 6_400
MOST_FREE_SPEECH = 3
"""Maximum number of streams with the language model: each takes a quarter of a core, and 100 MB."""

MAX_GRAMMARS = 64
"""Compiled grammars that a decoder keeps."""

MAX_GRAMMAR_CHARS = 65_536
MAX_LISTED_WORDS = 20

PAUSE_BYTES = 6_400
"""After 200 ms of quiet the utterance may be over: the final pass is made before it is requested."""

QUIET = 0.1
"""Relative to the loudest step of the utterance: quieter steps are a pause."""

INAUDIBLE = 30.0
"""If nothing was louder (RMS of 16-bit samples), nothing has been said yet."""

MAX_CHECKED_BYTES = 1_280_000
"""40 s: longer speech is checked by its beginning, and cannot be a sentence of a grammar."""

MAX_FINAL_PASS_BYTES = 256_000
"""8 s. Longer speech has settled normalisation, and the caller would notice the delay."""

QUIET_STEP_BYTES = 320
"""10 ms: the final pass leaves out the quiet before and after the speech, except for the margins."""

MARGIN_BEFORE_BYTES = 4_800
MARGIN_BEHIND_BYTES = 6_400
"""150 ms for a soft onset, 200 ms for a fading end. Longer pauses would count in the cepstral mean: of short answers by
synthetic voices over noisy lines 80 % were recognised without them, 71 % with a second of pause."""

Emit = Callable[[Kind, int, bytes], None]

_HEADER = re.compile(r"^\s*#JSGF[^;\n]*;?", re.IGNORECASE)
_IMPORT = re.compile(r"(?:^|;)\s*import\s*<")
_NOT_WORDS = re.compile(
    r"//[^\n]*|/\*.*?\*/"  # comments
    r"|\bgrammar\s+[^;]*;|\bimport\s+[^;]*;|\bpublic\b"
    r"|<[^>]*>|\{[^}]*\}|/[0-9.eE+-]+/"  # rules, tags, weights
    r"|[=;|()\[\]*+]",
    re.DOTALL,
)


def grammar_words(grammar: str) -> list[str]:
    """The words that a JSGF grammar can produce, each once, in order, lower case."""
    body = _NOT_WORDS.sub(" ", _HEADER.sub(" ", grammar))
    return list(dict.fromkeys(body.lower().replace('"', " ").split()))


@dataclass(frozen=True, slots=True)
class _Result:
    text: str
    confidence: float | None
    words: tuple[RecognisedWord, ...] = ()


@dataclass(slots=True)
class _Stream:
    grammar: str | None
    pending: bytearray = field(default_factory=bytearray)
    ended: bool = False
    decoder: Any = None
    received: bytearray = field(default_factory=bytearray)  # as long as a final pass may come
    received_bytes: int = 0
    acknowledged: int = 0
    partial: str = ""
    partial_at: int = 0
    loudest: float = 0.0
    quiet_bytes: int = 0
    final: _Result | None = None  # of a final pass made during a pause


class HostedPocketsphinx:
    """`HostedEngine` over pocketsphinx. Options: `decoders` (at most), `free_speech`."""

    def __init__(self, options: Mapping[str, object], emit: Emit) -> None:
        self._emit = emit
        most = int(str(options.get("decoders", 8)))
        self._most = {True: most, False: min(most, MOST_FREE_SPEECH)}  # by: whether there is a grammar
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self._made = {True: 0, False: 0}
        self._free: dict[bool, list[Any]] = {True: [], False: []}
        self._grammars: dict[int, OrderedDict[str, None]] = {}  # by the decoder's id
        self._final = self._make(True)
        self._check = PhoneCheck(self._pronounce)
        self._made[True] = 0  # that one serves no stream
        for has_grammar in (True, False) if options.get("free_speech", True) else (True,):
            self._free[has_grammar].append(self._make(has_grammar))

    def info(self) -> dict[str, object]:
        """The recogniser in use."""
        return {"engine": "pocketsphinx", "model": pocketsphinx.get_model_path()}

    def open(self, stream: int, payload: bytes) -> None:
        """Begin a stream: {"grammar": str | null}."""
        grammar = decode_json(payload).get("grammar")
        if grammar is not None and not isinstance(grammar, str):
            raise ProtocolError("the grammar is not a string")
        if grammar is not None and len(grammar) > MAX_GRAMMAR_CHARS:
            raise StreamFailure("opening a stream", f"the grammar is longer than {MAX_GRAMMAR_CHARS} characters")
        self._streams[stream] = _Stream(grammar)

    def data(self, stream: int, payload: bytes) -> None:
        """Audio at 16 kHz."""
        if stream in self._streams:
            self._streams[stream].pending += payload

    def end(self, stream: int) -> None:
        """The audio is complete."""
        if stream in self._streams:
            self._streams[stream].ended = True

    def drop(self, stream: int) -> None:
        """Drop the stream, keep its decoder."""
        state = self._streams.pop(stream, None)
        if state is not None and state.decoder is not None:
            state.decoder.end_utt()
            self._give_back(state)

    def next_stream(self) -> int | None:
        """Of the streams with something to do, the one that has waited longest; first those whose caller waits."""
        first = None
        for stream, state in self._streams.items():
            waits = state.grammar is None and state.decoder is None and not self._available(False)
            if (len(state.pending) >= STEP_BYTES or state.ended) and not waits:
                if state.ended:
                    return stream
                first = stream if first is None else first
        return first

    def step(self, stream: int) -> None:
        """Recognise 40 ms of the stream's audio, or end it."""
        self._streams.move_to_end(stream)
        state = self._streams[stream]
        # Not later in the turn: half an utterance makes no partials.
        if state.decoder is None and state.received_bytes == 0 and self._available(state.grammar is not None):
            self._begin(state)
        if state.pending:
            self._decode(stream, state)
        else:
            self._finish(stream, state)

    def _decode(self, stream: int, state: _Stream) -> None:
        piece = bytes(state.pending[:STEP_BYTES])
        del state.pending[:STEP_BYTES]
        state.received_bytes += len(piece)
        if len(state.received) < MAX_CHECKED_BYTES:
            state.received += piece
        if state.decoder is not None:
            state.decoder.process_raw(with_image(piece[: len(piece) & ~1]), False, False)
        self._listen_for_pause(state, piece)
        if state.decoder is not None and state.received_bytes - state.partial_at >= PARTIAL_EVERY_BYTES:
            self._report_partial(stream, state)
        if state.received_bytes - state.acknowledged >= ACKNOWLEDGE_EVERY_BYTES:
            state.acknowledged = state.received_bytes
            self._emit(Kind.CONSUMED, stream, CONSUMED_COUNT.pack(state.received_bytes))

    def _report_partial(self, stream: int, state: _Stream) -> None:
        state.partial_at = state.received_bytes
        text = _text(state.decoder)
        if text != state.partial:
            state.partial = text
            self._emit_json(Kind.PARTIAL, stream, {"text": text})

    def _finish(self, stream: int, state: _Stream) -> None:
        if state.decoder is not None:
            if state.grammar is not None:
                # A result is a whole sentence of the grammar; this says how much of one was heard.
                self._report_partial(stream, state)
            state.decoder.end_utt()
        if state.loudest <= INAUDIBLE:
            result = _Result("", None)  # normalisation would turn it into words
        elif state.grammar is None:
            result = self._free_result(_text(state.decoder), state)
        elif state.decoder is None or state.received_bytes <= MAX_FINAL_PASS_BYTES:
            result = state.final or self._final_pass(state)
        else:
            result = self._checked(state.grammar, state.received, lambda: _text(state.decoder))
        self._give_back(state)
        del self._streams[stream]
        words = [astuple(word) for word in result.words]
        self._emit_json(Kind.RESULT, stream, {"text": result.text, "confidence": result.confidence, "words": words})

    def _give_back(self, state: _Stream) -> None:
        if state.decoder is not None:
            self._free[state.grammar is not None].append(state.decoder)

    def _listen_for_pause(self, state: _Stream, piece: bytes) -> None:
        samples = np.frombuffer(piece[: len(piece) & ~1], np.int16).astype(np.float32)
        level = float(np.sqrt(np.mean(samples * samples))) if len(samples) else 0.0
        state.loudest = max(state.loudest, level)
        if level > QUIET * state.loudest:
            state.quiet_bytes = 0
            state.final = None
            return
        state.quiet_bytes += len(piece)
        long_enough = state.quiet_bytes >= PAUSE_BYTES and state.loudest > INAUDIBLE
        if (
            long_enough
            and state.received_bytes <= MAX_FINAL_PASS_BYTES
            and state.final is None
            and state.grammar is not None
        ):
            state.final = self._final_pass(state)

    def _final_pass(self, state: _Stream) -> _Result:
        # Live normalisation begins with a mean that is not the caller's; the whole utterance has its own. On the voices
        # that the mean is from this gains nothing, on two others 30 of 48 right became 39.
        decoder, grammar = self._final, str(state.grammar)

        def find() -> str:
            self._activate(decoder, grammar)
            _start_afresh(decoder)
            decoder.process_raw(with_image(_speech(state.received)[0]), False, True)
            decoder.end_utt()
            return _text(decoder)

        return self._checked(grammar, state.received, find)

    def _free_result(self, text: str, state: _Stream) -> _Result:
        if state.received_bytes > len(state.received):
            return _Result(text, None)  # too long to be checked
        speech, begin_s = _speech(state.received)
        words = self._check.words(np.frombuffer(speech, np.int16), text)
        if not words:
            return _Result(text, None)
        confidence = sum(word.confidence or 0.0 for word in words) / len(words)
        return _Result(text, round(confidence, 3), _shifted(words, begin_s))

    def _checked(self, grammar: str, received: bytearray, find: Callable[[], str]) -> _Result:
        speech, begin_s = _speech(received)
        checked = self._check.check(np.frombuffer(speech, np.int16), grammar, find)
        if not checked.text:
            return _Result("", None)
        return _Result(checked.text, round(checked.confidence, 3), _shifted(checked.words, begin_s))

    def _pronounce(self, word: str) -> list[list[str]]:
        found = (self._final.lookup_word(variant) for variant in (word, *(f"{word}({n})" for n in range(2, 6))))
        return [phones.split() for phones in found if phones]

    def _begin(self, state: _Stream) -> None:
        has_grammar = state.grammar is not None
        decoder = self._free[has_grammar].pop() if self._free[has_grammar] else self._make(has_grammar)
        try:
            if state.grammar is not None:
                self._activate(decoder, state.grammar)
            _start_afresh(decoder)
        except StreamFailure:
            self._free[has_grammar].append(decoder)
            raise
        state.decoder = decoder

    def _available(self, has_grammar: bool) -> bool:
        return bool(self._free[has_grammar]) or self._made[has_grammar] < self._most[has_grammar]

    def _activate(self, decoder: Any, grammar: str) -> None:
        known = self._grammars.setdefault(id(decoder), OrderedDict())
        name = sha256(grammar.encode()).hexdigest()
        if name not in known:
            _compile(decoder, name, grammar)
            known[name] = None
        known.move_to_end(name)
        decoder.activate_search(name)
        if len(known) > MAX_GRAMMARS:
            decoder.remove_search(known.popitem(last=False)[0])

    def _make(self, has_grammar: bool) -> Any:
        # With a grammar, a low probability for a further word keeps digits from splitting. With the language model, the
        # best path through the lattice was as good as a second flat search, in a quarter of its time.
        options: dict[str, object] = {"fwdflat": False, "bestpath": True}
        if has_grammar:
            options = {"lm": None, "wip": 0.01, "bestpath": False}
        with tempfile.NamedTemporaryFile("w", suffix=".mllr") as transform:
            transform.write(mllr_text())
            transform.flush()
            decoder = pocketsphinx.Decoder(loglevel="FATAL", mllr=transform.name, cmninit=mean_text(), **options)
        self._made[has_grammar] += 1
        return decoder

    def _emit_json(self, kind: Kind, stream: int, values: Mapping[str, object]) -> None:
        self._emit(kind, stream, json.dumps(values).encode())


def _compile(decoder: Any, name: str, grammar: str) -> None:
    unknown = [word for word in grammar_words(grammar) if decoder.lookup_word(word) is None]
    if unknown:
        listed = ", ".join(unknown[:MAX_LISTED_WORDS])
        raise StreamFailure("loading a grammar", f"the dictionary does not know: {listed}", "Use other words.")
    if _IMPORT.search(grammar):
        raise StreamFailure("loading a grammar", "it imports other grammars", "Write it in one piece.")
    # The dictionary is all lower case, and lookups are case-sensitive.
    header = _HEADER.match(grammar)
    split = header.end() if header else 0
    try:
        decoder.add_jsgf_string(name, grammar[:split] + grammar[split:].lower())
    except (ValueError, RuntimeError) as error:
        raise StreamFailure("loading a grammar", "it is not valid JSGF with a public rule") from error


def _start_afresh(decoder: Any) -> None:
    # Means and other state of the front end outlive an utterance; one caller's must not carry over to the next.
    decoder.reinit_feat()
    decoder.start_utt()


def _text(decoder: Any) -> str:
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis is not None else ""


def _shifted(words: tuple[RecognisedWord, ...], by_s: float) -> tuple[RecognisedWord, ...]:
    return tuple(
        replace(word, start_s=round(word.start_s + by_s, 3), end_s=round(word.end_s + by_s, 3)) for word in words
    )


def _speech(pcm: bytes | bytearray) -> tuple[bytes, float]:
    """`pcm` without the quiet at its ends, except for the margins, and where it begins, in seconds."""
    whole = len(pcm) // QUIET_STEP_BYTES * QUIET_STEP_BYTES
    steps = np.frombuffer(bytes(pcm[:whole]), np.int16).astype(np.float32).reshape(-1, QUIET_STEP_BYTES // 2)
    levels = np.sqrt((steps * steps).mean(1))
    loud = np.flatnonzero(levels > QUIET * levels.max(initial=0.0))
    if not len(loud):
        return bytes(pcm[:whole]), 0.0
    begin = max(0, int(loud[0]) * QUIET_STEP_BYTES - MARGIN_BEFORE_BYTES)
    end = (int(loud[-1]) + 1) * QUIET_STEP_BYTES + MARGIN_BEHIND_BYTES
    return bytes(pcm[begin : min(end, len(pcm) // 2 * 2)]), begin / BYTES_A_SECOND
