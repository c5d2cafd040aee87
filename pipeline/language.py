"""Languages as BCP 47 tags, and which of an engine's languages serves for a wanted one. Pure."""

import re

TAG = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"
"""The shape of a tag (RFC 5646 §2.1, without private and grandfathered ones): en, de-CH, en-GB-x-rp."""

_TAG = re.compile(TAG)


def is_language_tag(text: str) -> bool:
    """Whether `text` has the shape of a BCP 47 tag; it need not be a registered language."""
    return _TAG.fullmatch(text) is not None


def known_as(languages: tuple[str, ...], wanted: str) -> str | None:
    """The one of an engine's `languages` that serves for `wanted`; None if none does.

    It is the longest that equals `wanted` or begins it: "de" serves for "de-CH", "de-CH" does not serve for "de" (the
    lookup of RFC 4647 §3.4). An engine without `languages` takes any: then it is `wanted` itself.
    """
    if not languages:
        return wanted
    return max((known for known in languages if covers(known, wanted)), key=len, default=None)


def covers(language: str, wanted: str) -> bool:
    """Whether `wanted` is `language` or a kind of it: "en" covers "en-GB"."""
    return f"{wanted.lower()}-".startswith(f"{language.lower()}-")


def primary(language: str) -> str:
    """The language itself, without region and script: "de" of "de-CH", in lower case."""
    return language.partition("-")[0].lower()
