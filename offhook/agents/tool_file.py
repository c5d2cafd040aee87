"""The tools of an agent file: Python functions, and requests to a server over HTTP. docs/agents.md has the format."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, get_args

from yaml.nodes import Node, ScalarNode, SequenceNode

from offhook.agents.http_tool import HttpTool
from offhook.agents.policy import BUILT_IN
from offhook.agents.tools import OnInterrupt, Tool, arguments_model, tool_of
from offhook.api.call import Call
from offhook.settings.http_requests import read_request, with_variables
from offhook.settings.parameters import read_parameters
from offhook.settings.user_modules import import_user_module, reason
from offhook.settings.yaml_file import Reader
from offhook.usererror import did_you_mean

_HTTP_TOOL = (
    *("name", "description", "url", "method", "headers", "parameters", "result"),
    *("timeout_s", "on_interrupt", "allow_private"),
)
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
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
        result = (self.text(found["result"], f"`result` of {what}") if "result" in found else None) or ""
        made = read_request(self, found, "url", what, self.with_variables)
        for place in made.places() if made is not None else ():
            if place not in arguments:
                why = "what is in braces is an argument that the model gives"
                todo = f"add `{place}: {{type: string}}` to its `parameters`"
                self.problem(found["url"], f"`url` of {what} has `{{{place}}}`, which is no parameter", why, todo)
        return None if made is None else HttpTool(made, result)

    def with_variables(self, node: Node, text: str) -> str:
        """`${NAME}` is the variable of the environment."""
        return with_variables(self, node, text, self._environ)


async def _run(http: HttpTool, values: dict[str, Any], _call: Call) -> str:
    return await http.run(values)
