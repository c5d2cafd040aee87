"""Telephone numbers that the bot may dial."""

import re

from offhook.usererror import UserError

# ITU-T E.164 §6.2.1: a country code, and 15 digits at the most in all.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def require_number(number: str) -> None:
    """UserError for anything but a number in international form."""
    if not _E164.fullmatch(number):
        raise UserError(
            f"{number[:40]!r} is no telephone number that can be dialled",
            "numbers are written as in E.164: a plus sign, the country code, and digits alone",
            "+15551234567, for example",
        )


def require_allowed(number: str, allowed: tuple[str, ...]) -> None:
    """UserError for a number that calls may not be transferred to: who could choose it could dial at your expense.

    `allowed` has whole numbers, and beginnings that end in `*`.
    """
    require_number(number)
    for pattern in allowed:
        if number == pattern or (pattern.endswith("*") and number.startswith(pattern[:-1])):
            return
    raise UserError(
        f"calls may not be transferred to {number}",
        "it is not among the numbers that `twilio.transfer_allow` lists",
        f'`transfer_allow = ["{number}"]` below `[twilio]`, if it is yours to allow',
    )
