"""The tools of an agent file: Python functions, and requests to a server over HTTP. docs/agents.md has the format."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, get_args
from urllib.parse import urlsplit

from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.agents.http_tool import METHODS, HttpTool
from offhook.agents.policy import BUILT_IN
from offhook.agents.tools import OnInterrupt, Tool, arguments_model, tool_of
from offhook.api.call import Call
from offhook.settings.parameters import read_parameters
from offhook.settings.user_modules import import_user_module, reason
from offhook.settings.yaml_file import Reader
from offhook.usererror import did_you_mean

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_HTTP_TOOL = (
    *("name", "description", "url", "method", "headers", "parameters", "result"),
    *("timeout_s", "on_interrupt", "allow_private"),
)
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class ToolReader(Reader):
    """Reads them; `environ` has what stands for `${NAME}`."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        super().__init__(name)
        self._environ = environ

    def tools(self, node: Node) -> list[Tool]:
        """The tools of a list."""
        if not isinstance(node, SequenceNode):
            todo = "type `- shop:order_status`, or `- {name: …, url: …}`, one a line"
            self.problem(node, "`tools` is not a list", "it has one tool in each item", todo)
            return []
        tools = [made for item in node.value if (made := self._tool(item)) is not None]
        names: set[str] = set()
        for item, made in zip(node.value, tools, strict=False):
            if made.name in names or made.name in BUILT_IN:
                why = "the model calls them by name" if made.name in names else "one of that name is built in"
                self.problem(item, f"two tools are called `{made.name}`", why, "give one another name")
            names.add(made.name)
        return tools

    def _tool(self, node: Node) -> Tool | None:
        return self._python_tool(node) if isinstance(node, ScalarNode) else self._http_tool(node)

    def _python_tool(self, node: ScalarNode) -> Tool | None:
        target = self.text(node, "a tool") or ""
        what = f"the tool `{target[:60]}` cannot be used"
        if _TARGET.fullmatch(target) is None:
            self.problem(node, what, "a function is MODULE:NAME", "type `- shop:order_status`")
            return None
        module_name, _, name = target.partition(":")
        try:
            module = import_user_module(module_name)
        except Exception as error:  # noqa: BLE001  # the module is the user's: whatever its code raises
            todo = f"{module_name.partition('.')[0]}.py beside the configuration file, or in the current folder"
            self.problem(node, what, reason(error, module_name), todo)
            return None
        try:
            return tool_of(getattr(module, name))
        except AttributeError:
            self.problem(node, what, f"{module_name} has no `{name}`", did_you_mean(name, sorted(vars(module))))
        except TypeError as error:
            self.problem(node, what, str(error), "give its arguments types")
        return None

    def _http_tool(self, node: Node) -> Tool | None:
        found = self.fields(node, "a tool", _HTTP_TOOL, ("name", "description", "url"))
        if found is None or not {"name", "description", "url"} <= found.keys():
            return None
        name = self.text(found["name"], "`name` of a tool") or ""
        what = f"tool `{name[:40]}`"
        if _TOOL_NAME.fullmatch(name) is None:
            self.problem(found["name"], f"`{name[:40]}` is not a tool's name", "letters, digits, _ and -", "rename it")
            return None
        about = self.text(found["description"], f"`description` of {what}") or ""
        given = found.get("parameters")
        arguments = {} if given is None else read_parameters(self, given, f"`parameters` of {what}")
        http = self._request(found, what, arguments)
        if http is None:
            return None
        timeout_s = self.number(found["timeout_s"], f"`timeout_s` of {what}") if "timeout_s" in found else None
        if timeout_s is not None and timeout_s <= 0:
            why = "it is the time that the server has"
            self.problem(found["timeout_s"], f"`timeout_s` of {what} is {timeout_s:g}", why, "type `timeout_s: 5`")
        kept: Any = self.one_of(found, "on_interrupt", get_args(OnInterrupt), "keep")
        return Tool(name, about, arguments_model(name, arguments), partial(_run, http), timeout_s, kept)

    def _request(self, found: Mapping[str, Node], what: str, arguments: Mapping[str, Any]) -> HttpTool | None:
        node = found["url"]
        text = self.text(node, f"`url` of {what}") or ""
        if not _is_address(text):
            why = "it is http:// or https:// with a host that is written out, in ASCII and without blanks"
            self.problem(
                node, f"`url` of {what} is `{text[:60]}`", why, "type `url: https://api.example.com/…/{number}`"
            )
            return None
        method = self.one_of(found, "method", METHODS, "GET")
        headers = {}
        entries = self.entries(found["headers"], f"`headers` of {what}") if "headers" in found else None
        for name, _, value in entries or []:
            headers[name] = self.with_variables(value, self.text(value, f"header `{name}`") or "")
            if _HEADER.fullmatch(name) is None or not headers[name].isascii():
                why = "a header is letters, digits and hyphens, and its value is ASCII"
                self.problem(value, f"header `{name[:40]}` of {what} cannot be sent", why, 'type `X-Shop: "…"`')
        result = (self.text(found["result"], f"`result` of {what}") if "result" in found else None) or ""
        private = "allow_private" in found and bool(self.truth(found["allow_private"], f"`allow_private` of {what}"))
        made = HttpTool(text, method, headers, result, private)
        if made.is_refused:
            why = "the server is in a private network, or on this machine, and tools do not go there unless they may"
            todo = "add `allow_private: true`, if the model may reach it"
            self.problem(node, f"`url` of {what} is `{text[:60]}`", why, todo)
        for place in made.places():
            if place not in arguments:
                why = "what is in braces is an argument that the model gives"
                todo = f"add `{place}: {{type: string}}` to its `parameters`"
                self.problem(node, f"`url` of {what} has `{{{place}}}`, which is no parameter", why, todo)
        return made

    def with_variables(self, node: Node, text: str) -> str:
        """`${NAME}` is the variable of the environment."""
        for name in VARIABLE.findall(text):
            if not self._environ.get(name):
                why = f"the variable {name} is not set"
                self.problem(node, f"`${{{name}}}` has no value", why, f"export {name}=…")
        return VARIABLE.sub(lambda found: self._environ.get(found[1], ""), text)

    def one_of(self, top: Mapping[str, Node], key: str, allowed: tuple[str, ...], default: str) -> str:
        """The word at `key`, one of those that are allowed."""
        given = self.text(top[key], f"`{key}`") if key in top else None
        if given is not None and given not in allowed:
            why = "it is one of " + ", ".join(f"`{each}`" for each in allowed)
            self.problem(top[key], f"`{key}` is `{given[:40]}`", why, did_you_mean(given, allowed))
        return given or default


def _is_address(text: str) -> bool:
    """Whether it is a URL with a host that is written out, and can stand in a request."""
    try:
        url = urlsplit(text)
        reachable = bool(url.hostname) and url.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return False
    plain = text.isascii() and not any(each.isspace() for each in text)
    return reachable and plain and url.scheme in ("http", "https") and not set("{@") & set(url.netloc)


async def _run(http: HttpTool, values: dict[str, Any], _call: Call) -> str:
    return await http.run(values)
