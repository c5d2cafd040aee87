"""Brings a model into the store: from the catalogue, a URL, an archive or a folder."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from offhook.models.catalogue import ADVISER, ENGINES, Entry, RemoteFile, catalogue
from offhook.models.download import DownloadLimits, OnProgress, download, sha256_of
from offhook.models.kinds import engine_of, languages_of
from offhook.models.store import About, Model, ModelStore, at_path, check_name, write_about
from offhook.models.unpack import ENDINGS, UnpackLimits, stem, unpack
from offhook.usererror import UserError, closest

DOWNLOADS = ".downloads"
"""In the store's folder: unfinished files, kept so that they can be continued."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to add. `source` is a catalogue's name, a URL or a path; the rest replaces what is known or guessed.

    `mirror` is where the catalogue's files are fetched from instead: a URL or a folder. An archive is NAME.zip (or as
    the catalogue calls it) there; a model of several files has a folder of its name.
    """

    source: str
    name: str | None = None
    languages: tuple[str, ...] | None = None
    sha256: str | None = None
    mirror: str | None = None


def add(
    store: ModelStore,
    wanted: Wanted,
    on_progress: OnProgress,
    limits: DownloadLimits | None = None,
    unpack_limits: UnpackLimits | None = None,
) -> Model:
    """The new model. Nothing is left in the store of one that fails, except for unfinished downloads. Raises
    UserError."""
    entry = _entry(wanted)
    name = wanted.name or entry.name
    check_name(name)
    with _alone(store):
        if store.find(name) is not None:
            raise UserError(
                f"the model {name!r} is already here", f"{store.folder / name}", f"offhook models remove {name}"
            )
        fresh = store.folder / f".new-{name}"
        shutil.rmtree(fresh, ignore_errors=True)  # of a try that was killed
        try:
            sha256 = _fill(fresh, store, entry, wanted, on_progress, limits or DownloadLimits(), unpack_limits)
            return _install(fresh, store.folder / name, entry, wanted, sha256)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _entry(wanted: Wanted) -> Entry:
    """The catalogue's, or one made up for a URL or a path."""
    source = wanted.source
    if source in catalogue():
        return catalogue()[source]
    is_url = source.startswith(("http://", "https://"))
    if not is_url and not Path(source).expanduser().exists():
        near = closest(source, catalogue())
        raise UserError(
            f"there is no model {source!r}",
            "it is neither in the catalogue, nor a URL, nor a path on this machine",
            f"did you mean `{near}`?" if near is not None else "offhook models list",
        )
    file = RemoteFile(source, wanted.sha256 or "")
    base = file.name if is_url else Path(source).expanduser().resolve().name
    if base.startswith(ADVISER) and base.endswith(".onnx"):
        return Entry(base.removesuffix(".onnx"), ADVISER, (), 0, "", source, (file,), archive=False)
    if base.endswith(".onnx"):
        # A voice of Piper: its description lies beside it.
        return Entry(base.removesuffix(".onnx"), "piper", (), 0, "", source, (file, _beside(file)), archive=False)
    is_folder = not is_url and Path(source).expanduser().is_dir()
    name = base if is_folder else stem(base)
    if name is None:
        raise UserError(
            f"{source} cannot be added",
            "it is not an archive by its name",
            f"one of: {', '.join(ENDINGS)}, or a folder; of a voice of Piper its .onnx",
        )
    # The engine is read off the files afterwards.
    return Entry(name, ENGINES[0], (), 0, "", source, (file,), archive=not is_folder)


def _beside(model: RemoteFile) -> RemoteFile:
    address, mark, query = model.url.partition("?")
    return RemoteFile(f"{address}.json{mark}{query}")


def _fill(
    fresh: Path,
    store: ModelStore,
    entry: Entry,
    wanted: Wanted,
    on_progress: OnProgress,
    limits: DownloadLimits,
    unpack_limits: UnpackLimits | None,
) -> str:
    """Put the model's files into `fresh`. Returns the checksum of the archive or the largest file."""
    own = Path(wanted.source).expanduser()
    if wanted.source not in catalogue() and own.is_dir():
        _copy_folder(own, fresh)
        return ""
    folder = store.folder / DOWNLOADS / (wanted.name or entry.name)
    sums: dict[Path, str] = {}
    for file in entry.files:
        local, path = _fetched(file, folder, entry, wanted, on_progress, limits)
        given = wanted.sha256 if len(entry.files) == 1 or file.url == wanted.source else None
        sums[path] = _checked(path, given, file, delete=not local)
    largest = max(sums, key=lambda path: path.stat().st_size)
    if entry.archive:
        try:
            unpack(largest, fresh, unpack_limits)
        except UserError:
            shutil.rmtree(folder, ignore_errors=True)  # or the next try would find the same file
            raise
    else:
        fresh.mkdir()
        for path in sums:
            shutil.copyfile(path, fresh / path.name)
    shutil.rmtree(folder, ignore_errors=True)
    return sums[largest]


def _fetched(
    file: RemoteFile, folder: Path, entry: Entry, wanted: Wanted, on_progress: OnProgress, limits: DownloadLimits
) -> tuple[bool, Path]:
    """Whether the file is the user's own, and where it is."""
    place = file.url
    if wanted.mirror is not None and wanted.source in catalogue():
        inner = file.name if entry.archive else f"{entry.name}/{file.name}"
        place = f"{wanted.mirror.rstrip('/')}/{inner}"
    if not place.startswith(("http://", "https://")):
        path = Path(place).expanduser()
        if not path.is_file():
            raise UserError(f"{path} cannot be added", "there is no such file", "--from URL, or the folder that has it")
        return True, path
    target = folder / file.name
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        download(place, target, on_progress, limits)
    return False, target


def _checked(path: Path, given: str | None, file: RemoteFile, *, delete: bool) -> str:
    found = sha256_of(path)
    expected = (given or file.sha256).lower()
    if expected and found != expected:
        if delete:
            path.unlink()
        raise UserError(
            f"{file.name} is not the file that it should be",
            f"its SHA-256 is {found}, and not {expected}",
            "the same command again, or --from another place; --sha256 if the source has a new version",
        )
    return found


def _copy_folder(source: Path, fresh: Path) -> None:
    def no_links_out(folder: str, names: list[str]) -> list[str]:
        for path in (Path(folder) / name for name in names):
            if path.is_symlink() and not path.resolve().is_relative_to(source.resolve()):
                raise UserError(f"{source} is not copied", f"{path} is a link out of it", "a folder without such links")
        return []

    shutil.copytree(source, fresh, ignore=no_links_out)


def _install(fresh: Path, target: Path, entry: Entry, wanted: Wanted, sha256: str) -> Model:
    """Move the model's own folder, which may be one further in, to its place."""
    root = _root(fresh)
    engine = engine_of(root) if root is not None else None
    if root is None or engine is None:
        raise UserError(
            f"{wanted.source} is not a model",
            f"it has not the files of one for {', '.join(ENGINES)}",
            "offhook models list",
        )
    known = wanted.source in catalogue()
    languages = entry.languages if known else languages_of(root, engine)
    about = About(engine, languages, entry.licence, entry.page, sha256)
    if wanted.languages is not None:
        about = replace(about, languages=wanted.languages)
    write_about(root, about)
    root.rename(target)
    found = at_path(target)
    assert found is not None  # its files have just been looked at
    return found


def _root(folder: Path) -> Path | None:
    """The folder with the model's files: `folder`, or the only one below it that has some."""
    if engine_of(folder) is not None:
        return folder
    below = [path for path in folder.rglob("*") if path.is_dir() and "__MACOSX" not in path.parts]
    found = [path for path in below if engine_of(path) is not None]
    return found[0] if len(found) == 1 else None


@contextmanager
def _alone(store: ModelStore) -> Iterator[None]:
    """Two of these at once would write the same files."""
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        lock = (store.folder / ".lock").open("w")
    except OSError as error:
        raise UserError(
            f"{store.folder} cannot be written",
            error.strerror or str(error),
            "OFFHOOK_MODELS__DIR=… for another folder",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            why = f"another `offhook models add` is at work in {store.folder}"
            raise UserError("the model is not added", why, "the same command again when it has ended") from error
        yield
