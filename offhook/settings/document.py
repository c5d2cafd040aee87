"""All settings as text, generated from their definitions: `docs/configuration.md`, and the file of `offhook init`.

`python -m offhook.settings.document > docs/configuration.md` (or `make docs`) renews the page; a test compares.
"""

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from offhook.settings.config import Config
from offhook.settings.fields import (
    NAMED,
    ROUTES,
    example_of,
    header,
    is_engine_section,
    is_secret,
    section_fields,
    section_model,
    toml_value,
)
from offhook.settings.renamed import ENV_PREFIX

WIDTH = 120

INTRODUCTION = """\
# Settings

Generated from `offhook/settings` by `make docs`: do not edit.

Settings are read from a TOML file (`--config offhook.toml`), from the environment, and from the command line; each wins
over the one before. Nothing has to be set. `offhook init` writes a file with all of them, commented; `offhook config`
prints the effective values and where each comes from; `offhook check` tries everything without taking calls. Unknown
keys, invalid values and duplicate keys are refused at the start, with the line and what to write.

Every setting has a variable: `OFFHOOK_SECTION__KEY`, as in `OFFHOOK_SIP__PORT=5070`. Lists and tables are written as
JSON there: `OFFHOOK_RTP__CODECS='["OPUS", "PCMU"]'`, `OFFHOOK_TURN__FILLERS='{"en": "Let me see."}'`. A key of a table
has a variable, too: `OFFHOOK_TURN__FILLERS__EN`. Relative paths start from the folder of the file that has them,
elsewhere from the current one. Secrets (*) are never printed.
"""

ENGINES = """\
The options of the engine NAME go under `[{section}.NAME]`; its own documentation lists them. Each has a variable,
`OFFHOOK_{upper}__NAME__KEY`, which is the place for secrets.
"""

ROUTES_TEXT = """\
Which dialog answers which number. The first route that matches the dialled number (the Request-URI's user part, without
separators) answers; if none does, the flow of `[dialog]`, or the bot that was started, answers.

```toml
[[routes]]
number = "+15551234567"
flow = "sales.yaml"

[[routes]]
number = ["100", "1??", "+4930*"]
bot = "shop:support"
```
"""


def sections() -> list[str]:
    """The names of all sections, in their order."""
    return list(Config.model_fields)


def summary(section: str) -> str:
    model = section_model(Config, section)
    return " ".join((model.__doc__ or "").split()) if model is not None else ""


def keys(section: str) -> dict[str, FieldInfo]:
    """The keys of a section."""
    return {key: field for key, field in section_fields(Config, section).items() if key != "options"}


def default_of(field: FieldInfo) -> Any:
    """The default value; None if there is none."""
    return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})


def values_of(field: FieldInfo) -> str:
    """The allowed values, in words."""
    if {str, tuple[str, ...]} <= set(get_args(field.annotation)):
        return "a text, or a list of texts"
    kind = _plain(field.annotation)
    if get_origin(kind) is Mapping:
        return "a table"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{toml_value(each)}`" for each in get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        inner = get_args(inner)[0] if get_origin(inner) is not Literal and get_args(inner) else inner
        choice = values_of(FieldInfo(annotation=inner)) if get_origin(inner) is Literal else "texts"
        return f"a list of {choice}"
    if kind is bool:
        return "`true`, `false`"
    if kind in (int, float):
        return _range(field, "a whole number" if kind is int else "a number")
    return "a path" if isinstance(kind, type) and issubclass(kind, Path) else "a text"


def _plain(annotation: Any) -> Any:
    """The type without `| None` and metadata."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _range(field: FieldInfo, otherwise: str) -> str:
    found: dict[str, Any] = {}
    for each in field.metadata:
        for bound in ("ge", "gt", "le", "lt"):
            if (value := getattr(each, bound, None)) is not None:
                found[bound] = value
    low = f"{found['ge']:g}" if "ge" in found else f"above {found['gt']:g}" if "gt" in found else ""
    high = f"{found['le']:g}" if "le" in found else f"below {found['lt']:g}" if "lt" in found else ""
    if low and high:
        return f"{low} to {high}" if "le" in found else f"{low}, {high}"
    return f"{low} or more" if low else otherwise


def page() -> str:
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield INTRODUCTION
    for section in sections():
        yield f"## `{header(section)}`\n"
        yield ROUTES_TEXT if section == ROUTES else f"{_folded(summary(section))}\n"
        yield "| key | default | values | |\n|---|---|---|---|"
        for key, field in keys(section).items():
            yield f"| {_key(key, field)} | {_default(field)} | {values_of(field)} | {_text(field)} |"
        yield ""
        if is_engine_section(Config, section):
            yield ENGINES.format(section=section, upper=section.upper())


def _key(key: str, field: FieldInfo) -> str:
    return f"`{key}`{' *' if is_secret(field) else ''}"


def _default(field: FieldInfo) -> str:
    value = default_of(field)
    return "required" if field.is_required() else "" if value is None or value == {} else f"`{toml_value(value)}`"


def _text(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")


def _folded(text: str, prefix: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False, break_on_hyphens=False
    )


def template(*, flow: str | None = None) -> str:
    """A TOML file with all settings commented out, except `dialog.flow` if it is given."""
    lines = [
        _folded(
            "Settings of an offhook bot. Lines behind a # show the defaults: remove the # to change one. "
            "`offhook config --config FILE` prints the effective settings, `offhook check --config FILE` "
            "tries them.",
            "# ",
        ),
        f"# In the environment each is {ENV_PREFIX}SECTION__KEY, which is the place for secrets.",
    ]
    for section in sections():
        if section == ROUTES:
            lines += _routes_template()
            continue
        mark = "# " if section in NAMED else ""
        lines += ["", "", _folded(summary(section), "# "), f"{mark}{header(section)}"]
        for key, field in keys(section).items():
            lines += ["", _folded(_text(field), "# ")]
            if (section, key) == ("dialog", "flow") and flow is not None:
                lines.append(f"{key} = {toml_value(flow)}")
            else:
                value = default_of(field)
                unset = value is None or value in ((), {})
                shown = example_of(field) if unset else value
                lines.append(f"# {key} = {_example(field, shown)}{'  # not set' if unset else ''}")
    return "\n".join(lines) + "\n"


def _example(field: FieldInfo, value: Any) -> str:
    listed = get_origin(_plain(field.annotation)) is tuple and not isinstance(value, tuple | list)
    return toml_value([value] if listed else value)


def _routes_template() -> list[str]:
    text = " ".join(ROUTES_TEXT.partition("```")[0].split())
    example = ROUTES_TEXT.partition("```toml\n")[2].partition("```")[0].strip()
    return ["", "", _folded(text, "# "), *(f"# {line}".rstrip() for line in example.splitlines())]


if __name__ == "__main__":
    sys.stdout.write(page())
