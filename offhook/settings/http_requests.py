"""Reads HTTP requests as files declare them: those of an agent's tools, and of a flow's steps."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from yaml.nodes import Node

from offhook.http_request import FRAMING, HEADER_VALUE, METHODS, PLACE, HttpRequest
from offhook.pipeline.dialog.template import expressions_in
from offhook.pipeline.dialog.template import fill as filled_in
from offhook.settings.yaml_file import Reader

REQUEST = ("method", "headers", "allow_private")
"""The keys of a request besides its address."""

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_IN_BRACES = re.compile(r"(?<!\$)\{([A-Za-z_]\w*)[^{}]*\}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_PIECES = re.compile(r"(\$\{[A-Za-z_][A-Za-z0-9_]*\})")


def read_request(
    reader: Reader,
    found: Mapping[str, Node],
    key: str,
    what: str,
    fill: Callable[[Node, str], str],
    *,
    values_in_headers: bool = False,
) -> HttpRequest | None:
    """The request whose address is at `key`; `fill` puts the environment into its headers, which may have expressions
    with `values_in_headers`. None if there is no address, which is reported."""
    node = found[key]
    text = reader.text(node, f"`{key}` of {what}") or ""
    if not _is_address(text):
        why = (
            "it is http:// or https:// with a host that is written out, in ASCII, without blanks and #, and has only "
            "names of values in braces"
        )
        todo = f"type `{key}: https://api.example.com/…/{{number}}`"
        reader.problem(node, f"`{key}` of {what} is `{text[:60]}`", why, todo)
        return None
    method = reader.one_of(found, "method", METHODS, "GET")
    private = "allow_private" in found and bool(reader.truth(found["allow_private"], f"`allow_private` of {what}"))
    headers, templates = _headers(reader, found, what, fill, values_in_headers)
    made = HttpRequest(text, method, headers, private, templates=templates)
    if made.is_refused:
        why = "the server is in a private network, or on this machine, and requests do not go there unless they may"
        reader.problem(
            node, f"`{key}` of {what} is `{text[:60]}`", why, "add `allow_private: true`, if it may be reached"
        )
    return made


def _headers(
    reader: Reader, found: Mapping[str, Node], what: str, fill: Callable[[Node, str], str], may_have_values: bool
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The headers that are complete, and those with expressions."""
    headers, templates = dict[str, str](), dict[str, str]()
    entries = reader.entries(found["headers"], f"`headers` of {what}") if "headers" in found else None
    for name, _, value in entries or []:
        before = len(reader.problems)
        text = reader.text(value, f"header `{name}`") or ""
        braces = _IN_BRACES.search(text)
        if braces is not None and may_have_values:
            templates[name], sent = read_template(reader, value, text, fill)
        else:
            sent = headers[name] = fill(value, text)
        if len(reader.problems) > before:
            continue
        if braces is not None and not may_have_values:
            why = f"`{braces[0]}` would be sent as it stands: headers have variables of the environment alone"
            todo = f"send `{braces[1]}` in the address or the body, or type `${{{braces[1].upper()}}}`"
            reader.problem(value, f"header `{name[:40]}` of {what} has `{braces[0][:40]}`", why, todo)
        if _HEADER.fullmatch(name) is None or HEADER_VALUE.fullmatch(sent) is None:
            why = (
                "a header is letters, digits and hyphens, and its value is one line of ASCII, without blanks around it"
            )
            todo = 'type `X-Shop: "…"`; look for a line break in a variable of the environment'
            reader.problem(value, f"header `{name[:40]}` of {what} cannot be sent", why, todo)
        if name.lower() in FRAMING:
            reader.problem(value, f"header `{name}` of {what} is the request's own", "it is set already", "remove it")
    return headers, templates


def read_template(reader: Reader, node: Node, text: str, fill: Callable[[Node, str], str]) -> tuple[str, str]:
    """`text` with the environment's values, which `fill` puts in, and an example of what may become of it. Braces that
    do not match are reported."""
    template = _template(node, text, fill)
    return template, _example(reader, node, template)


def _template(node: Node, text: str, fill: Callable[[Node, str], str]) -> str:
    """`text` with the environment's values, in which braces are literal."""
    pieces = [
        fill(node, piece).replace("{", "{{").replace("}", "}}") if VARIABLE.fullmatch(piece) else piece
        for piece in _PIECES.split(text)
    ]
    return "".join(pieces)


def _example(reader: Reader, node: Node, template: str) -> str:
    """What may become of a template; its expressions are checked with the flow's others."""
    try:
        expressions_in(template)
    except ValueError as error:
        why = "braces enclose an expression, such as {call.caller}"
        reader.problem(node, str(error), why, "double it, {{ or }}, to send the brace itself")
    return filled_in(template, lambda _: "x", None)


def with_variables(reader: Reader, node: Node, text: str, environ: Mapping[str, str]) -> str:
    """`${NAME}` is the variable of the environment."""
    for name in VARIABLE.findall(text):
        if not environ.get(name):
            why = f"the variable {name} is not set"
            reader.problem(node, f"`${{{name}}}` has no value", why, f"export {name}=…")
    return VARIABLE.sub(lambda found: environ.get(found[1], ""), text)


def _is_address(text: str) -> bool:
    """Whether it is a URL with a host that is written out, and can stand in a request."""
    try:
        url = urlsplit(text)
        reachable = bool(url.hostname) and url.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return False
    braces = set("{}") & set(PLACE.sub("", text))
    plain = not braces and text.isascii() and text.isprintable() and " " not in text and not url.fragment
    return reachable and plain and url.scheme in ("http", "https") and not set("{@") & set(url.netloc)
