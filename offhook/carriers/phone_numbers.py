"""Phone numbers that the bot may dial."""

import re

from offhook.usererror import UserError

# ITU-T E.164 §6.2.1: a country code, and at most 15 digits in all.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def require_number(number: str) -> None:
    """Raises UserError for anything but an E.164 number."""
    if not _E164.fullmatch(number):
        raise UserError(
            f"{number[:40]!r} is not a phone number that can be dialled",
            "numbers are written as in E.164: a plus sign, the country code, and digits only",
            "+15551234567, for example",
        )


def require_allowed(number: str, allowed: tuple[str, ...]) -> None:
    """Raises UserError for a number that calls may not be transferred to: a free choice would be toll fraud.

    `allowed` has whole numbers, and prefixes that end in `*`.
    """
    require_number(number)
    for pattern in allowed:
        if number == pattern or (pattern.endswith("*") and number.startswith(pattern[:-1])):
            return
    raise UserError(
        f"calls may not be transferred to {number}",
        "`twilio.transfer_allow` does not list it",
        f'`transfer_allow = ["{number}"]` below `[twilio]`, if it is yours to allow',
    )
