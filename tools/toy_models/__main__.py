"""The command: see the package."""

import sys
import tarfile
import tempfile
from pathlib import Path

import torch

from tools.toy_models import sherpa_model, vosk_model
from tools.toy_models.corpus import utterances

COUNT = 1_400
MAKERS = {"vosk": vosk_model.make, "sherpa": sherpa_model.make}


def _packed(folder: Path, archive: Path) -> None:
    """A tar.xz of `folder`, the same bytes for the same files."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with tarfile.open(archive, "w:xz", preset=9) as file:
        for path in (folder, *sorted(folder.rglob("*"))):
            file.add(path, path.relative_to(folder.parent), recursive=False, filter=plain)


def main(argv: list[str]) -> None:
    torch.set_num_threads(1)
    target = Path(argv[0])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        spoken = utterances(COUNT, Path(scratch), seed=5)
        for name in argv[1:] or MAKERS:
            folder = Path(scratch) / f"{name}-toy"
            MAKERS[name](spoken, folder)
            _packed(folder, target / f"{name}-toy.tar.xz")


if __name__ == "__main__":
    main(sys.argv[1:])
