"""What a scripted model says: replies in order, by pattern, or by a function. Pure.

A request is answered by the first reply whose `after` is the tool that has just answered, or whose `when` is found in
the caller's last words; otherwise by the next of those that have neither. When these are used up, the last one is
repeated.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Fault = Literal[
    "hang",
    "stall",
    "die",
    "cut",
    "key",
    "busy",
    "broken",
    "error-in-stream",
    "bad-arguments",
    "unknown-tool",
    "endless",
    "slow",
    "filtered",
]
"""What may be wrong with a reply.

- `hang`: nothing comes, not even the answer's head.
- `stall`: it stops in the middle, and the connection stays open.
- `die`: the connection is reset in the middle.
- `cut`: the answer ends in the middle as if it were complete, as behind some proxies.
- `key`: 401, as for a wrong key.
- `busy`: 429 with Retry-After.
- `broken`: 500.
- `error-in-stream`: the vendor's error as an event in the middle.
- `bad-arguments`: the arguments of tool calls end before their JSON does.
- `unknown-tool`: the calls are for a tool that nobody offered.
- `endless`: the text is repeated for ever, whatever the request's limit.
- `slow`: one token a second.
- `filtered`: the vendor withholds the reply after its first words.
"""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call of a reply. Arguments that are a text are sent as they are."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The arguments as the wire has them."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: text, then tool calls. In both, `{said}` is the caller's last words, `{result}` what the last tool
    answered, and `{1}` the first group of `when`."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    when: str = ""
    after: str = ""
    first_token_s: float | None = None
    tokens_per_s: float | None = None
    fault: Fault | None = None
    retry_after_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, whatever its protocol: the caller's last words, and the tool that answered last, if that is what the
    model is to go on with."""

    said: str
    tool: str = ""
    result: str = ""
    tools: tuple[str, ...] = ()


Answer = Callable[[Asked], "Reply | str"]


class Script:
    """The replies of one server."""

    def __init__(self, replies: Iterable[Reply | str] | Answer = ()) -> None:
        self._answer = replies if callable(replies) else None
        given = [] if callable(replies) else [each if isinstance(each, Reply) else Reply(each) for each in replies]
        self._matched = [each for each in given if each.when or each.after]
        self._ordered = [each for each in given if not (each.when or each.after)] or [Reply("Yes.")]
        self._at = 0

    def reply(self, asked: Asked) -> Reply:
        """The reply to a request."""
        if self._answer is not None:
            found = self._answer(asked)
            return _filled(found if isinstance(found, Reply) else Reply(found), asked, ())
        for each in self._matched:
            if each.after and asked.tool and re.fullmatch(each.after, asked.tool):
                return _filled(each, asked, ())
            if each.when and not asked.tool and (match := re.search(each.when, asked.said)):
                return _filled(each, asked, match.groups(default=""))
        found = self._ordered[min(self._at, len(self._ordered) - 1)]
        self._at += 1
        return _filled(found, asked, ())


def tokens(text: str) -> list[str]:
    """The pieces in which a text is sent: words, with the blanks before them."""
    return re.findall(r"\s*\S+", text)


def _filled(reply: Reply, asked: Asked, groups: tuple[str, ...]) -> Reply:
    values = {"said": asked.said, "result": asked.result, **{str(at): text for at, text in enumerate(groups, 1)}}

    def fill(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)

    def fill_any(value: Any) -> Any:
        return fill(value) if isinstance(value, str) else value

    calls = []
    for call in reply.calls:
        arguments = call.arguments
        if not isinstance(arguments, str):
            arguments = {name: fill_any(value) for name, value in arguments.items()}
        calls.append(replace(call, arguments=arguments))
    return replace(reply, text=fill(reply.text), calls=tuple(calls))
