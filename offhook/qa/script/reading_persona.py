"""Reads the persona of a call script, and what an adviser is asked."""

import re

from yaml.nodes import Node

from offhook.qa.script.persona import USUAL_TURNS, ModelAddress, Persona
from offhook.settings.yaml_file import Reader

PERSONA_KEYS = ("goal", "temperament", "facts")
"""Those that make the person."""

MAX_TURNS = 100
MAX_TEXT_CHARS = 2_000
MAX_FACTS = 50

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = re.compile(r"https?://\S+")


class PersonaReader(Reader):
    """Reads personas; see `Reader` for problems."""

    def persona(self, node: Node) -> Persona:
        """The value of `persona`."""
        names = (*PERSONA_KEYS, "limits", "model")
        found = self.fields(node, "`persona`", names, ("goal",), "type `goal: book a table for two` below it") or {}
        return Persona(
            self._limited(found, "goal"),
            self._limited(found, "temperament"),
            self.facts(found["facts"]) if "facts" in found else (),
            self._turns(found["limits"]) if "limits" in found else USUAL_TURNS,
            self._model(found["model"]) if "model" in found else None,
        )

    def question(self, node: Node, has_persona: bool) -> str:
        """The value of `adviser`: what it is asked."""
        todo = "type `question: was the customer treated politely?` below it"
        found = self.fields(node, "`adviser`", ("question",), ("question",), todo) or {}
        if not has_persona:
            why = "it is asked of a persona's model, and the script has steps"
            self.problem(node, "`adviser` has no effect", why, "leave `adviser` out, or type `persona:` for `steps:`")
        return self._limited(found, "question")

    def facts(self, node: Node) -> tuple[tuple[str, str], ...]:
        """The value of `facts`."""
        entries = self.entries(node, "`facts`", "type `name: Maria Lopez` below it") or []
        if len(entries) > MAX_FACTS:
            self.problem(node, "there are too many facts", f"at most {MAX_FACTS} are read", "leave some out")
        found = [(name, self._checked(value, f"the fact `{name[:40]}`")) for name, _, value in entries]
        return tuple((name, text) for name, text in found if text)

    def _limited(self, found: dict[str, Node], key: str) -> str:
        return self._checked(found[key], f"`{key}`") if key in found else ""

    def _checked(self, node: Node, what: str) -> str:
        text = self.text(node, what)
        if text is not None and not text:
            self.problem(node, f"{what} is empty", "there is nothing in it", f"write {what}, or leave it out")
        if text is not None and len(text) > MAX_TEXT_CHARS:
            self.problem(node, f"{what} is too long", f"at most {MAX_TEXT_CHARS} characters are read", "shorten it")
        return text or ""

    def _turns(self, node: Node) -> int:
        found = self.fields(node, "`limits`", ("turns",), (), "type `turns: 12` below it") or {}
        return int(self.within(found, "turns", 1, MAX_TURNS, USUAL_TURNS, whole=True))

    def _model(self, node: Node) -> ModelAddress:
        names = ("base_url", "name", "api_key_env")
        found = self.fields(node, "`model`", names, ("name",), "type `name: gpt-5-mini` below it") or {}
        name, url, variable = (self._limited(found, key) for key in ("name", "base_url", "api_key_env"))
        if url and not _URL.fullmatch(url):
            todo = "type `base_url: http://127.0.0.1:8000/v1`"
            self.problem(found["base_url"], "`base_url` is no address", f"it is `{url[:60]}`", todo)
        if variable and not _VARIABLE.fullmatch(variable):
            why = "it is the name of a variable of the environment, and not the key"  # which is not shown
            self.problem(found["api_key_env"], "`api_key_env` is no name", why, "type `api_key_env: OPENAI_API_KEY`")
        return ModelAddress(name, url, variable)
