"""Detects markup in text to be spoken: no voice here reads SSML or HTML. Pure."""

import re

TAG = re.compile(
    r"""
    <!--.{0,500}?-->
    |<[/?!]?[A-Za-z][\w:.-]{0,40}
     (?:\s{1,8}[\w:.-]{1,40}\s{0,4}=\s{0,4}(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|[^\s<>"']{1,500})){0,12}
     \s{0,8}[/?]?>
    """,
    re.VERBOSE | re.DOTALL,
)
"""A tag of HTML, XML or SSML."""

TAG_LIKE = re.compile(r"<!--|<[/?!]?[A-Za-z][^<>]{0,500}>")
"""Anything that the author may have meant as one."""
