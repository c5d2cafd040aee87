"""Files of a report: inside the page as long as they are small, beside it where they are not."""

import base64
import re
from pathlib import Path
from urllib.parse import quote

from offhook.private_file import make_folder, write_private

MAX_EMBEDDED_BYTES = 8 * 1024 * 1024
"""Of one file within the page: four minutes of both sides' sound."""
MAX_ALL_EMBEDDED_BYTES = 48 * 1024 * 1024
"""Of all of them; browsers open a page of 64 MiB, but not one of a gigabyte."""

OPTION = "--html"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
MAX_NAME_CHARS = 60


class Attachments:
    """Where the files of the page at `page` go."""

    def __init__(self, page: Path) -> None:
        self.folder = page.with_name(f"{page.stem}-files")
        self._embedded_bytes = 0

    def link(self, name: str, data: bytes, mime: str) -> str:
        """The URL of a file: with its content, or of one that is written beside the page. Raises UserError."""
        fits = len(data) <= MAX_EMBEDDED_BYTES and self._embedded_bytes + len(data) <= MAX_ALL_EMBEDDED_BYTES
        if fits:
            self._embedded_bytes += len(data)
            return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"
        make_folder(self.folder, OPTION)
        write_private(self.folder / name, data, OPTION)
        return quote(f"{self.folder.name}/{name}")


def file_name(number: int, name: str, ending: str) -> str:
    """The name of a call's file: nothing in it comes from elsewhere but letters and digits."""
    plain = _NOT_IN_NAMES.sub("-", name.lower())[:MAX_NAME_CHARS].strip("-")
    return f"{number}-{plain or 'call'}.{ending}"
