"""`[outbound]`: calls that the bot places, and the forms of numbers on trunks."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from offhook.settings.section import Section
from offhook.settings.values import SECRET, matching

NumberFormat = Literal["e164", "e164_without_plus", "national"]
CallerIdHeader = Literal["from", "p-asserted-identity", "p-preferred-identity"]

Digits = Annotated[str, AfterValidator(matching(r"[0-9]{1,6}", "it must be 1 to 6 digits, in quotes"))]

AllowedPattern = Annotated[
    str,
    AfterValidator(
        matching(
            r"\*|\+?[A-Za-z0-9_.#-][A-Za-z0-9_.#*-]{0,63}",
            "a number (`+15551234567`), a prefix (`+1555*`), an extension or a name; `*` allows every number",
        )
    ),
]
AllowedAddress = Annotated[
    str,
    AfterValidator(
        matching(
            r"(?:\*|[A-Za-z0-9_.+-]{1,64}\*?)@(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253})",
            "it must be USER@HOST; `*` as the user, or at its end, stands for any",
        )
    ),
]

CallToken = Annotated[
    str,
    AfterValidator(matching(r"[\x21-\x7e]{16,256}", "it must have 16 to 256 visible characters, without blanks")),
]


class OutboundConfig(Section):
    """Calls that the bot places over SIP (docs/trunks.md). By which trunks, and to which numbers: `[trunks.NAME]`."""

    token: Annotated[CallToken | None, SECRET, Field(repr=False, examples=["a-long-random-secret"])] = None
    """Opens `POST /api/calls` to programs that send it (`Authorization: Bearer …`). Without one nobody places calls by
    HTTP. Best in the environment: `OFFHOOK_OUTBOUND__TOKEN`."""

    allowed_addresses: Annotated[
        tuple[AllowedAddress, ...], Field(max_length=1_000, examples=[("*@pbx.example.com",)])
    ] = ()
    """SIP addresses that may be called directly, without a trunk: by HTTP, by `offhook qa crawl`, and by those whose
    calls are redirected."""

    ring_s: Annotated[int, Field(ge=5, le=600)] = 60
    """How long a call that the bot places rings, in seconds, if it does not say so itself."""
