"""Models come into the store from names, URLs, archives, folders and mirrors."""

import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.models.add import DOWNLOADS, Wanted, add
from offhook.models.catalogue import ENGINES, catalogue, recommended
from offhook.models.choose import choose
from offhook.models.download import DownloadLimits
from offhook.models.kinds import network_of_adviser
from offhook.models.store import Model, ModelStore, default_folder
from offhook.usererror import UserError
from tests.offhook.models.server import Site, serving

NAME = "vosk-model-small-de-0.15"  # in the catalogue without a checksum
LIMITS = DownloadLimits(stall_s=2.0, tries=2, wait_s=0.001)
FILES = {"am/final.mdl": b"network" * 5_000, "conf/mfcc.conf": b"--sample-frequency=8000\n", "graph/HCLG.fst": b"graph"}


def archive_of(files: dict[str, bytes], top: str = "toy") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"/toy.tar.gz": archive_of(FILES), f"/{NAME}.zip": archive_of(FILES, NAME)})) as site:
        yield site


def added(store: ModelStore, source: str, **wanted: object) -> Model:
    return add(store, Wanted(source, **wanted), lambda done, total: None, LIMITS)  # type: ignore[arg-type]


def is_clean(store: ModelStore) -> bool:
    """No half of a model is left."""
    names = {path.name for path in store.folder.iterdir()} - {".lock", DOWNLOADS}
    return names == {model.name for model in store.models()} and not list((store.folder / DOWNLOADS).glob("*"))


def test_an_archive_from_a_url(store: ModelStore, site: Site) -> None:
    site.break_after = [100]
    model = added(store, f"{site.url}/toy.tar.gz", languages=("de",))
    assert (model.name, model.about.engine, model.about.languages) == ("toy", "vosk", ("de",))
    assert model.folder == store.folder / "toy"
    assert (model.folder / "am/final.mdl").read_bytes() == FILES["am/final.mdl"]
    assert model.about.sha256 == hashlib.sha256(site.files["/toy.tar.gz"]).hexdigest()
    assert model.about.source == f"{site.url}/toy.tar.gz"
    assert is_clean(store)
    assert store.find("toy") == model


def test_an_archive_and_a_folder_on_this_machine(store: ModelStore, tmp_path: Path) -> None:
    path = tmp_path / "mine.tar.gz"
    path.write_bytes(archive_of(FILES))
    assert added(store, str(path)).name == "mine"
    folder = store.folder / "mine"
    assert added(store, str(folder), name="copy").about.engine == "vosk"
    assert path.exists()
    assert [model.name for model in store.models()] == ["copy", "mine"]
    assert is_clean(store)


def test_a_folder_with_a_link_out_of_it_is_refused(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "m/am").mkdir(parents=True)
    (tmp_path / "m/am/final.mdl").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="not copied"):
        added(store, str(tmp_path / "m"))
    assert is_clean(store)


def test_a_name_from_a_mirror(store: ModelStore, site: Site, tmp_path: Path) -> None:
    model = added(store, NAME, mirror=site.url)
    assert (model.name, model.about.languages, model.about.licence) == (NAME, ("de",), "Apache-2.0")
    store.remove(NAME)
    (tmp_path / f"{NAME}.zip").write_bytes(site.files[f"/{NAME}.zip"])
    assert added(store, NAME, mirror=str(tmp_path)).name == NAME
    assert (tmp_path / f"{NAME}.zip").exists()


def test_a_model_of_several_files_from_a_mirror(store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "whisper-base.en"
    folder.mkdir()
    for file in catalogue()["whisper-base.en"].files:
        (folder / file.name).write_bytes(file.name.encode() * (2 if file.name == "model.bin" else 1))
    model = added(store, "whisper-base.en", mirror=str(tmp_path))
    assert model.about.engine == "whisper"
    assert (model.folder / "vocabulary.txt").read_bytes() == b"vocabulary.txt"
    assert model.about.sha256 == hashlib.sha256(b"model.bin" * 2).hexdigest()


def test_a_wrong_checksum_is_refused_and_fetched_anew(store: ModelStore, site: Site) -> None:
    right = hashlib.sha256(site.files["/toy.tar.gz"]).hexdigest()
    with pytest.raises(UserError, match="not the file that it should be") as caught:
        added(store, f"{site.url}/toy.tar.gz", sha256="0" * 64)
    assert right in caught.value.problems[0].why
    assert store.models() == []
    assert added(store, f"{site.url}/toy.tar.gz", sha256=right.upper()).name == "toy"
    assert len(site.requests) == 2


def test_the_catalogues_checksum_counts_for_a_mirror_too(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "vosk-model-small-en-us-0.15.zip").write_bytes(archive_of(FILES))
    with pytest.raises(UserError, match="not the file that it should be"):
        added(store, "vosk-model-small-en-us-0.15", mirror=str(tmp_path))
    assert (tmp_path / "vosk-model-small-en-us-0.15.zip").exists()


def test_a_short_length_ends_as_a_damaged_archive_and_is_not_kept(store: ModelStore, site: Site) -> None:
    site.length_error = -200
    with pytest.raises(UserError, match="cannot be unpacked"):
        added(store, f"{site.url}/toy.tar.gz")
    assert is_clean(store)
    site.length_error = 0
    assert added(store, f"{site.url}/toy.tar.gz").name == "toy"


def test_what_is_no_model_is_not_added(store: ModelStore, site: Site, tmp_path: Path) -> None:
    site.files["/toy.tar.gz"] = archive_of({"README": b"hello"})
    with pytest.raises(UserError, match="is not a model"):
        added(store, f"{site.url}/toy.tar.gz")
    assert is_clean(store)
    for source, words in ((f"{site.url}/toy.bin", "not an archive"), ("vosk-model-smal-de", "vosk-model-small-de")):
        with pytest.raises(UserError) as caught:
            added(store, source)
        assert words in str(caught.value)
    with pytest.raises(UserError, match="cannot be a model's name"):
        added(store, f"{site.url}/toy.tar.gz", name="../evil")


def test_a_model_that_is_here_is_kept(store: ModelStore, site: Site) -> None:
    added(store, f"{site.url}/toy.tar.gz")
    with pytest.raises(UserError, match="already here"):
        added(store, f"{site.url}/toy.tar.gz")
    store.remove("toy")
    assert store.find("toy") is None
    for name in ("toy", "..", "a/b", ""):
        with pytest.raises(UserError, match="to remove"):
            store.remove(name)
    assert store.folder.is_dir()


def test_the_catalogue_is_complete() -> None:
    entries = catalogue()
    assert {entry.engine for entry in entries.values()} == set(ENGINES)
    for entry in entries.values():
        assert entry.files and entry.page.startswith("https://") and entry.licence
        assert all(file.url.startswith("https://") and "{" not in file.url for file in entry.files)
        assert all(len(file.sha256) in (0, 64) for file in entry.files)
    assert recommended("vosk", "de-CH") == "vosk-model-small-de-0.15"
    assert recommended("vosk", "xx") == "vosk-model-small-en-us-0.15"


def test_the_folder_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "")
    assert default_folder() == tmp_path / ".local/share/offhook/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_folder() == tmp_path / "data/offhook/models"


def test_which_model_an_engine_gets(store: ModelStore, site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        choose(store, "vosk", None, "de", "[asr.vosk]")
    assert caught.value.problems[0].todo == "offhook models add vosk-model-small-de-0.15"
    model = added(store, NAME, mirror=site.url)
    assert choose(store, "vosk", None, "de-AT", "[asr.vosk]") == model
    assert choose(store, "vosk", NAME, "fr", "[asr.vosk]") == model
    assert choose(store, "vosk", str(model.folder), "fr", "[asr.vosk]").about == model.about
    shutil.copytree(model.folder, store.folder / "other")
    for name, language, words in (
        (None, "de", "several serve"),
        (None, "fr", "no model for 'fr'"),
        ("vosk-model-fr-0.22", "fr", "offhook models add vosk-model-fr-0.22"),
        ("nothing-known", "fr", "offhook models list"),
        (str(tmp_path / "nowhere"), "fr", "there is no such folder"),
        (str(tmp_path), "fr", "not the files"),
    ):
        with pytest.raises(UserError) as caught:
            choose(store, "vosk", name, language, "[asr.vosk]")
        assert words in caught.value.render()
    with pytest.raises(UserError, match="is not a sherpa model"):
        choose(store, "sherpa", NAME, "de", "[asr.sherpa]")


DESCRIPTION = b'{"audio": {"sample_rate": 22050}, "espeak": {"voice": "de"}, "language": {"code": "de_AT"}}'


def test_a_voice_of_piper_comes_with_its_description(store: ModelStore, site: Site, tmp_path: Path) -> None:
    network = b"\x08\x08"
    site.files |= {"/voices/de_AT-own.onnx": network, "/voices/de_AT-own.onnx.json": DESCRIPTION}
    sha256 = hashlib.sha256(network).hexdigest()
    with pytest.raises(UserError, match="not the file that it should be"):
        added(store, f"{site.url}/voices/de_AT-own.onnx", sha256="0" * 64)
    model = added(store, f"{site.url}/voices/de_AT-own.onnx", sha256=sha256)
    assert (model.name, model.about.engine, model.about.languages) == ("de_AT-own", "piper", ("de-at",))
    assert {path.name for path in model.folder.glob("de_AT*")} == {"de_AT-own.onnx", "de_AT-own.onnx.json"}
    copied = added(store, str(model.folder / "de_AT-own.onnx"), name="copy")
    assert copied.about.languages == ("de-at",)
    alone = tmp_path / "alone.onnx"
    alone.write_bytes(network)
    with pytest.raises(UserError, match=r"alone.onnx.json cannot be added"):
        added(store, str(alone))
    assert is_clean(store)


def test_a_folder_of_kokoro_has_the_languages_of_its_voices(store: ModelStore, tmp_path: Path) -> None:
    folder = tmp_path / "kokoro"
    folder.mkdir()
    (folder / "kokoro-v1.0.onnx").write_bytes(b"network")
    with zipfile.ZipFile(folder / "voices-v1.0.bin", "w") as archive:
        for name in ("af_heart.npy", "bf_emma.npy", "ff_siwis.npy"):
            archive.writestr(name, b"")
    model = added(store, str(folder))
    assert (model.about.engine, model.about.languages) == ("kokoro", ("en-gb", "en-us", "fr"))


NETWORK = "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"


def test_smart_turn_comes_from_the_list_a_file_or_a_wheel(store: ModelStore, site: Site, tmp_path: Path) -> None:
    site.files["/smart-turn-v3.2/smart-turn-v3.2-cpu.onnx"] = b"network"
    listed = added(store, "smart-turn-v3.2", mirror=site.url)
    assert (listed.about.engine, listed.about.licence) == ("smart-turn", "BSD-2-Clause")
    assert network_of_adviser(listed.folder) == listed.folder / "smart-turn-v3.2-cpu.onnx"
    site.files["/smart-turn-v3.3.onnx"] = b"network"
    assert added(store, f"{site.url}/smart-turn-v3.3.onnx").about.engine == "smart-turn"
    wheel = tmp_path / "pipecat_ai-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for name in (NETWORK, "pipecat/__init__.py", "pipecat_ai-1.0.dist-info/METADATA", "pipecat/audio/other.onnx"):
            packed.writestr(name, b"network")
    found = added(store, str(wheel), name="of-a-wheel")
    assert [path.name for path in found.folder.iterdir() if path.suffix != ".json"] == ["smart-turn-v3.2-cpu.onnx"]
    assert is_clean(store)
