"""Reads what a flow and a sub-flow have in common: their steps, and what holds for all questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from yaml.nodes import Node

from offhook.pipeline.dialog.limits import MAX_STEPS
from offhook.pipeline.dialog.scopes import SEPARATOR, within
from offhook.pipeline.dialog.steps.step import Step, Visits
from offhook.settings.flow_hints import instead, other_word
from offhook.settings.flow_position import Source
from offhook.settings.flow_steps.commands import read_commands
from offhook.settings.flow_steps.kind import StepKind
from offhook.settings.flow_steps.kinds import KINDS
from offhook.settings.flow_steps.listening import read_retry
from offhook.settings.flow_steps.reader import FlowDefaults, StepReader
from offhook.usererror import closest

COMMON = ("start", "language", "voice", "no_input", "no_match", "confirm_below", "texts", "commands", "flows", "steps")
"""The keys that both have."""

OF_ALL_STEPS = ("early_media", "visits")
"""The keys that steps of all kinds have."""


class PartReader(StepReader):
    """Reads a flow or a sub-flow, which is written in `source`."""

    def __init__(self, source: Source, defaults: FlowDefaults, environ: Mapping[str, str]) -> None:
        super().__init__(source.file, defaults, source.lines, environ)
        self.source = source
        self.flows: dict[str, tuple[Node, Source]] = {}
        """The sub-flows that its steps can call, by name: a file's name or what is written there."""

    def read_common(self, top: Mapping[str, Node], what: str) -> None:
        """What holds for all questions, and the sub-flows."""
        if "texts" in top:
            example = "write each below its name: `greeting: {en: Hello., de: Guten Tag.}`"
            for name, _, value in self.entries(top["texts"], f"`texts` of {what}", example) or []:
                self.named_texts[name] = (value, self)
        for key in ("no_input", "no_match"):
            if key in top:
                self.retries[key] = read_retry(self, top[key], f"`{key}` of {what}")
        if "commands" in top:
            own = read_commands(self, top["commands"], f"`commands` of {what}")
            names = {command.choice.name for command in own}
            self.commands = (*own, *(each for each in self.commands if each.choice.name not in names))
        self.confirm_below = self.optional(self.number, top, "confirm_below", what, self.confirm_below)
        if "flows" in top:
            example = "write each below its name: `identify: identify.yaml`"
            for name, _, value in self.entries(top["flows"], f"`flows` of {what}", example) or []:
                self.flows[name] = (value, self.source)

    def unknown_key(self, name: str, what: str, allowed: Sequence[str]) -> tuple[str, str]:
        """Unknown keys, with hints for other systems' names and for what flows cannot do."""
        why, todo = super().unknown_key(name, what, allowed)
        meant = other_word(name, allowed)
        return (why, f"did you mean `{meant}`?") if meant is not None else instead(name, allowed) or (why, todo)

    def steps(self, node: Node) -> tuple[list[Step], list[str]]:
        """The readable steps, and the whole names of all."""
        entries = self.entries(node, "`steps`", "write each below its name: `hello: {say: Hello., next: …}`")
        if entries is None:
            return [], []
        if len(entries) > MAX_STEPS:
            why = f"at most {MAX_STEPS} are run"
            self.problem(node, f"the flow has {len(entries)} steps", why, "split it into several flows")
            return [], []
        if not entries:
            self.problem(node, "the flow has no steps", "there is nothing to say", "add a step below `steps`")
        for name, key, _ in entries:
            if SEPARATOR in name:
                why = f"`{SEPARATOR}` stands between a call's step and those of the sub-flow"
                self.problem(
                    key, f"`{name[:40]}` cannot be a step's name", why, f"type `{name.replace(SEPARATOR, '_')}`"
                )
        read = [self._step(name, value) for name, _, value in entries]
        return [step for step in read if step is not None], [within(self.scope, name) for name, _, _ in entries]

    def _step(self, name: str, node: Node) -> Step | None:
        what = f"step `{name}`"
        entries = self.entries(node, what, "indent its `key: value` lines below it, such as `say: Hello.`")
        if entries is None:
            return None
        keys = [key for key, _, _ in entries]
        kinds = [kind for word, kind in KINDS.items() if word in keys]
        if len(kinds) != 1:
            self._wrong_kind_of_step(node, what, keys, kinds)
            return None
        kind = kinds[0]
        allowed = (kind.word, *kind.keys, *OF_ALL_STEPS)
        required = kind.needs(keys)
        found = self.fields(node, f"`{kind.word}` {what}", allowed, required) or {}
        early_media = self.optional(self.truth, found, "early_media", what, False)
        visits = self._visits(found["visits"], f"`visits` of {what}") if "visits" in found else None
        whole = within(self.scope, name)
        step = kind.read(self, whole, what, found) if all(key in found for key in required) else None
        return None if step is None else replace(step, early_media=early_media, visits=visits)

    def _visits(self, node: Node, what: str) -> Visits | None:
        keys = ("most", "then")
        found = self.fields(node, what, keys, keys, "type `{most: 3, then: …}`") or {}
        if not all(key in found for key in keys):
            return None
        most, then = self.whole(found["most"], f"`most` of {what}"), self.step_name(found["then"], f"`then` of {what}")
        return None if most is None or then is None else Visits(most, then)

    def _wrong_kind_of_step(self, node: Node, what: str, keys: list[str], kinds: list[StepKind]) -> None:
        if kinds:
            both = " and ".join(f"`{kind.word}`" for kind in kinds)
            self.problem(node, f"{what} has {both}", "a step does one thing", "make two steps, joined by `next`")
            return
        *words, last = KINDS
        why, todo = (
            f"it has none of {', '.join(f'`{word}`' for word in words)} and `{last}`",
            "add one of them, such as `say: Hello.`",
        )
        for key in keys:
            if (meant := other_word(key, tuple(KINDS))) is not None:
                todo = f"did you mean `{meant}`?"
                break
            if (beyond := instead(key, ())) is not None:
                self.problem(node, f"{what} has `{key}`, which flows do not know", *beyond)
                return
            if (meant := closest(key, KINDS)) is not None:
                todo = f"did you mean `{meant}`?"
                break
        self.problem(node, f"{what} does nothing", why, todo)
