"""Reads what a call script expects."""

import re
from collections.abc import Collection

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.qa.script.expect import CODECS, MEASURES, Expectations, Limit, RequestExpectation, SipExpectation
from offhook.settings.yaml_file import Reader
from offhook.usererror import did_you_mean

_OTHERS = (
    "prompts",
    "heard",
    "codec",
    "status",
    "ended_by",
    "bot_keys",
    "transfer_to",
    "sip",
    "requests",
    "record",
    "bot_said",
    "caller_said",
    "keys_received",
    "steps",
)
_ENDED_BY = ("bot", "caller")
_MESSAGE = re.compile(r"[A-Z]+|[1-6][0-9][0-9]")


class ExpectReader(Reader):
    """Reads expectations; see `Reader` for problems."""

    def expectations(self, node: Node | None, prompts: Collection[str]) -> Expectations:
        """The value of `expect`."""
        if node is None:
            return Expectations()
        found = self.fields(node, "`expect`", (*MEASURES, *_OTHERS), (), "type `response_ms: {at_most: 1500}`") or {}
        limits = {name: self._limit(found[name], name) for name in MEASURES if name in found}
        named = self._texts(found, "prompts")
        for each in named:
            if each not in prompts:
                self.unknown_prompt(found["prompts"], each, prompts)
        ended_by = self._text(found, "ended_by")
        if ended_by is not None and ended_by not in _ENDED_BY:
            todo = did_you_mean(ended_by, _ENDED_BY)
            self.problem(found["ended_by"], f"`ended_by` is `{ended_by}`", "it is `bot` or `caller`", todo)
        codec = self._text(found, "codec")
        if codec is not None and codec.upper() not in CODECS:
            why = f"the caller offers {' and '.join(CODECS)}, and no other can be agreed on"
            self.problem(found["codec"], f"`codec` can never be `{codec[:40]}`", why, f"type `codec: {CODECS[0]}`")
        return Expectations(
            limits={name: limit for name, limit in limits.items() if limit is not None},
            prompts=named,
            heard=self._texts(found, "heard"),
            codec=None if codec is None else codec.upper(),
            status=self._status(found) if "status" in found else None,
            ended_by=ended_by,
            bot_keys=self._text(found, "bot_keys"),
            transfer_to=self._text(found, "transfer_to"),
            sip=self._sip(found["sip"]) if "sip" in found else (),
            requests=self._requests(found["requests"]) if "requests" in found else (),
            record=self._record(found["record"]) if "record" in found else {},
            bot_said=self._texts(found, "bot_said"),
            caller_said=self._texts(found, "caller_said"),
            keys_received=self.whole(found["keys_received"], "`keys_received`") if "keys_received" in found else None,
            steps=self._texts(found, "steps"),
        )

    def _status(self, found: dict[str, Node]) -> int | None:
        node = found["status"]
        status = self.whole(node, "`status`")
        for name, other in found.items():
            if name not in ("status", "sip"):
                why = "with `status` the call is to be refused, and there is nothing of the kind"
                self.problem(other, f"`{name}` can never be", why, f"leave `{name}` out, or `status`")
        if status is not None and not 300 <= status <= 699:
            why = "a call is refused by a final response from 300 to 699"
            self.problem(node, f"`status` cannot be {status}", why, "type `status: 486`")
        return status

    def unknown_prompt(self, node: Node, name: str, prompts: Collection[str]) -> None:
        """A prompt is named that is not among `prompts`."""
        if prompts:
            why, todo = f"`prompts` has {', '.join(prompts)}", did_you_mean(name, list(prompts))
        else:
            why, todo = "the script has no `prompts`", f"type `prompts: {{{name}: {name}.wav}}`"
        self.problem(node, f"there is no prompt `{name[:40]}`", why, todo)

    def _limit(self, node: Node, name: str) -> Limit | None:
        """`{at_least: …, at_most: …}`, or a number: at most."""
        if isinstance(node, ScalarNode):
            most = self.number(node, f"`{name}`")
            return None if most is None else Limit(at_most=most)
        found = self.fields(node, f"`{name}`", ("at_least", "at_most")) or {}
        values = {key: self.number(value, f"`{key}` of `{name}`") for key, value in found.items()}
        limit = Limit(values.get("at_least"), values.get("at_most"))
        if limit == Limit():
            self.problem(node, f"`{name}` limits nothing", "it has no number", f"type `{name}: {{at_most: 100}}`")
            return None
        if limit.at_least is not None and limit.at_most is not None and limit.at_least > limit.at_most:
            why = f"`at_least` is {limit.at_least:g}, `at_most` {limit.at_most:g}"
            self.problem(node, f"`{name}` can never be", why, "exchange the two")
        return limit

    def _text(self, found: dict[str, Node], name: str) -> str | None:
        return self.text(found[name], f"`{name}`") if name in found else None

    def _texts(self, found: dict[str, Node], name: str) -> tuple[str, ...]:
        return tuple(self.texts(found[name], f"`{name}`")) if name in found else ()

    def _record(self, node: Node) -> dict[str, str]:
        entries = self.entries(node, "`record`", "type `ended_by: caller` below it") or ()
        values = {name: self.text(value, f"`{name}` of `record`") for name, _, value in entries}
        return {name: value for name, value in values.items() if value is not None}

    def _sip(self, node: Node) -> tuple[SipExpectation, ...]:
        if not isinstance(node, SequenceNode):
            self.problem(node, "`sip` is not a list", self.got(node), "type `- message: 180` below it")
            return ()
        found = [self._message(item) for item in node.value]
        return tuple(each for each in found if each is not None)

    def _message(self, node: Node) -> SipExpectation | None:
        names = ("message", "headers", "at_least", "at_most")
        found = self.fields(node, "an item of `sip`", names, ("message",), "type `- message: 180`") or {}
        message = self._text(found, "message")
        if message is None:
            return None
        if not _MESSAGE.fullmatch(message):
            todo = "type `message: 200`, or `message: BYE`"
            self.problem(found["message"], f"`{message[:40]}` is no message", "it is a method or a status", todo)
            return None
        headers: dict[str, str] = {}
        if "headers" in found and isinstance(found["headers"], MappingNode):
            for name, _, value in self.entries(found["headers"], "`headers`") or ():
                headers[name] = self.text(value, f"`{name}`") or ""
        return SipExpectation(message, headers, *self._counts(found))

    def _counts(self, found: dict[str, Node]) -> tuple[int, int | None]:
        least = self.whole(found["at_least"], "`at_least`") if "at_least" in found else 1
        most = self.whole(found["at_most"], "`at_most`") if "at_most" in found else None
        return 1 if least is None else least, most

    def _requests(self, node: Node) -> tuple[RequestExpectation, ...]:
        if not isinstance(node, SequenceNode):
            self.problem(node, "`requests` is not a list", self.got(node), "type `- path: /orders` below it")
            return ()
        found = [self._request(item) for item in node.value]
        return tuple(each for each in found if each is not None)

    def _request(self, node: Node) -> RequestExpectation | None:
        names = ("path", "method", "body", "at_least", "at_most")
        found = self.fields(node, "an item of `requests`", names, ("path",), "type `- path: /orders`") or {}
        path, method, body = (self.value(found, name, self.text, "") for name in ("path", "method", "body"))
        return RequestExpectation(path, method.upper(), body, *self._counts(found)) if path else None
