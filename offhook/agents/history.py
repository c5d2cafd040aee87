"""What a language model is given of the conversation. Pure.

One writer: a reply enters as it is generated, and becomes what the caller heard of it when its utterance is over. The
beginning of two requests is the same, byte for byte, so that the vendor's prompt cache hits: entries are only added,
and the oldest are dropped in blocks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from offhook.llm.history import OPENING, PENDING
from offhook.llm.model import Message, ToolCall
from offhook.pipeline.events import Playback

Unheard = Literal["drop", "note", "offer_to_resume"]
"""What the model learns of the rest of a reply that was interrupted: nothing, what it was, or also to offer it."""

CUT = " —"
"""Behind what was heard of a reply that was cut."""

_MAX_NOTE_CHARS = 600


@dataclass(frozen=True, slots=True)
class Window:
    """How much of the conversation the model is given. Beyond either limit the older half is dropped."""

    turns: int = 40
    chars: int = 24_000


@dataclass(frozen=True, slots=True)
class _Said:
    """By the caller, or noted in their place."""

    text: str
    is_turn: bool = True

    @property
    def chars(self) -> int:
        return len(self.text)


@dataclass(frozen=True, slots=True)
class _Reply:
    id: int
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: Mapping[str, str] = field(default_factory=dict)
    over: bool = False  # the text is what was heard

    @property
    def chars(self) -> int:
        return len(self.text) + sum(len(c.arguments) for c in self.calls) + sum(map(len, self.results.values()))


class History:
    """One call's."""

    def __init__(self, instructions: str, window: Window, unheard: Unheard = "note") -> None:
        self._system = Message("system", instructions)
        self._window = window
        self._unheard: Unheard = unheard
        self._entries: list[_Said | _Reply] = [_Said(OPENING, is_turn=False)]
        self._notes: list[str] = []  # given with the caller's next words
        self._latest = 0

    def copy(self) -> "History":
        """Another one, to try what a request would be."""
        other = History(self._system.text, self._window, self._unheard)
        other._entries, other._notes, other._latest = list(self._entries), list(self._notes), self._latest
        return other

    def said(self, text: str) -> None:
        """The caller's turn."""
        self._seal()
        self._entries.append(_Said(" ".join([*self._notes, text])))
        self._notes.clear()
        self._trim()

    def add_note(self, text: str) -> None:
        """Something that the model should know and the caller did not say."""
        self._seal()
        self._entries.append(_Said(text, is_turn=False))

    def corrected(self, was: str, text: str) -> None:
        """The recogniser's final came late: the caller's last turn was another."""
        for at in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[at]
            if isinstance(entry, _Said) and entry.is_turn:
                if was and entry.text.endswith(was):
                    self._entries[at] = replace(entry, text=entry.text.removesuffix(was) + text)
                return

    def reply(self) -> int:
        """A reply begins. Returns its id."""
        self._latest += 1
        self._entries.append(_Reply(self._latest))
        return self._latest

    def grow(self, reply: int, text: str) -> None:
        """More of its text."""
        self._change(reply, lambda entry: entry if entry.over else replace(entry, text=entry.text + text))

    def heard(self, reply: int, playback: Playback) -> None:
        """The utterance of the reply is over. The first time counts."""
        found = self._find(reply)
        if found is None or found[1].over:
            return
        at, entry = found
        played = playback.text_played.strip()
        unheard = playback.text_unplayed.strip()
        if unheard and self._unheard != "drop":
            self._notes.append(_note(played, unheard, self._unheard))
        text = played + CUT if unheard and played else played
        self._entries[at] = replace(entry, text=text, over=True)
        self._drop_if_empty(at)

    def silent(self, reply: int) -> None:
        """The reply had no words, or none was spoken."""
        found = self._find(reply)
        if found is not None and not found[1].over:
            self._entries[found[0]] = replace(found[1], text="", over=True)
            self._drop_if_empty(found[0])

    def called(self, reply: int, calls: tuple[ToolCall, ...]) -> None:
        """The reply calls tools."""
        self._change(reply, lambda entry: replace(entry, calls=entry.calls + calls))

    def result(self, reply: int, call: ToolCall, text: str) -> None:
        """A tool's result; if the model has read meanwhile that it is pending, this is added as news."""
        found = self._find(reply)
        if found is not None and call.id not in found[1].results:
            self._change(reply, lambda entry: replace(entry, results={**entry.results, call.id: text}))
        else:
            self.add_note(f"[result of {call.name}: {text}]")

    def messages(self) -> tuple[Message, ...]:
        """The conversation, as the model is given it."""
        messages = [self._system]
        for entry in self._entries:
            if isinstance(entry, _Reply):
                if entry.text or entry.calls:
                    messages.append(Message("assistant", entry.text, entry.calls))
                results = entry.results
                messages += [Message("tool", results.get(c.id, PENDING), tool_call_id=c.id) for c in entry.calls]
            elif messages[-1].role == "user":
                messages[-1] = Message("user", f"{messages[-1].text}\n{entry.text}")
            else:
                messages.append(Message("user", entry.text))
        return tuple(messages)

    @property
    def entries(self) -> int:
        """How many are kept."""
        return len(self._entries)

    def _seal(self) -> None:
        """What runs still is pending from now on."""
        for at, entry in enumerate(self._entries):
            if isinstance(entry, _Reply) and len(entry.results) < len(entry.calls):
                open_calls = {call.id: PENDING for call in entry.calls}
                self._entries[at] = replace(entry, results={**open_calls, **entry.results})

    def _change(self, reply: int, change: Callable[[_Reply], _Reply]) -> None:
        found = self._find(reply)
        if found is not None:
            self._entries[found[0]] = change(found[1])

    def _find(self, reply: int) -> tuple[int, _Reply] | None:
        for at in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[at]
            if isinstance(entry, _Reply) and entry.id == reply:
                return at, entry
        return None

    def _drop_if_empty(self, at: int) -> None:
        entry = self._entries[at]
        if isinstance(entry, _Reply) and not entry.text and not entry.calls:
            del self._entries[at]

    def _trim(self) -> None:
        if not self._exceeds(self._window.turns, self._window.chars, 0):
            return
        turns, chars = self._window.turns // 2, self._window.chars // 2
        # A block begins with a turn of the caller: tools' results stay with their calls.
        starts = [at for at, entry in enumerate(self._entries) if isinstance(entry, _Said) and entry.is_turn]
        at = next((at for at in starts if not self._exceeds(turns, chars, at)), starts[-1])
        del self._entries[:at]

    def _exceeds(self, turns: int, chars: int, start: int) -> bool:
        kept = self._entries[start:]
        said = sum(isinstance(entry, _Said) and entry.is_turn for entry in kept)
        return said > turns or sum(entry.chars for entry in kept) > chars


def _note(played: str, unheard: str, policy: Unheard) -> str:
    where = f'after "{_tail(played)}"' if played else "before your reply was heard"
    rest = unheard if len(unheard) <= _MAX_NOTE_CHARS else unheard[: _MAX_NOTE_CHARS - 1] + "…"
    offer = "; when they have been answered, offer to go on with it" if policy == "offer_to_resume" else ""
    return f'[the caller interrupted {where}; they did not hear "{rest}"{offer}]'


def _tail(text: str) -> str:
    return text if len(text) <= 40 else "…" + text[-39:]
