"""`[transfer]`: the persons that callers can be connected to, and how."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from offhook.settings.section import Section
from offhook.settings.values import matching

TransferName = Annotated[
    str,
    AfterValidator(
        matching(r"[A-Za-z][A-Za-z0-9_]{0,39}", "a name begins with a letter, and has letters, digits and underscores")
    ),
]

TARGET = re.compile(r"\+[1-9][0-9]{6,14}|[0-9*#]{1,20}|tel:\+[1-9][0-9]{6,14}|sips?:[^\s<>\"?,]{1,200}")
"""A number, an extension, or a URI."""

TransferTarget = Annotated[
    str,
    AfterValidator(
        matching(TARGET.pattern, "it must be a number (`+15551234567`), an extension (`200`), or a `sip:` address")
    ),
]

AllowedTarget = Annotated[
    str,
    AfterValidator(
        matching(
            r"(?:\+?[0-9#]{1,20}\*?|(?:\*|[A-Za-z0-9_.+*#-]{1,64}\*?)@(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253}))",
            "a number, a prefix that ends in `*` (`+1555*`), or USER@HOST, with `*` for any user (`*@pbx.example.com`)",
        )
    ),
]


class TransferConfig(Section):
    """Where callers over SIP can be transferred to, and how (docs/transfer.md). Twilio's calls have
    `twilio.transfer_allow`."""

    targets: Annotated[
        Mapping[TransferName, TransferTarget], Field(max_length=1_000, examples=[{"reception": "sip:200@192.0.2.7"}])
    ] = Field(default_factory=dict)
    """Names, and what they stand for: `call.transfer("reception")`, and the `transfer` step of a flow."""

    allow: Annotated[
        tuple[AllowedTarget, ...], Field(max_length=1_000, examples=[("+1555*", "*@pbx.example.com")])
    ] = ()
    """What else calls may be transferred to: numbers, prefixes that end in `*`, and USER@HOST. Without it only
    `targets`: a free choice would be toll fraud."""

    mode: Literal["auto", "refer", "bridge", "attended"] = "auto"
    """How, if the dialog does not say. `refer`: the caller's side calls them (SIP REFER), and the bot is out. `bridge`:
    the bot calls them, and stays in between. `attended`: likewise, and they are asked first. `auto`: `refer`, or
    `bridge` where the caller's side does not know REFER."""

    ring_s: Annotated[float, Field(ge=1, le=300)] = 30.0
    """How long their phone rings when the bot calls them."""

    max_talk_s: Annotated[float, Field(ge=60, le=86_400)] = 14_400.0
    """The longest talk with them while the bot stays in between; then the caller is with the bot again."""

    ringing_tone: Literal["us", "europe", "none"] = "us"
    """What the caller hears meanwhile."""

    offer_prompt: Annotated[str, Field(min_length=1, max_length=500)] = (
        "Press 1 or say yes to take the call, or press 2 or say no to decline it."
    )
    """What they are asked with `attended`, after the summary."""

    notify_s: Annotated[float, Field(ge=1, le=60)] = 10.0
    """How long is waited for the first word of the caller's side after it has accepted a REFER."""

    unnotified: Literal["success", "failure"] = "success"
    """What it means if none comes: the bot hangs up, or talks to the caller again."""
