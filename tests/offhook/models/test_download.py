"""Transfers from a server that breaks off, lies and changes its mind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.models.download import DownloadLimits, download, sha256_of
from offhook.usererror import UserError
from tests.offhook.models.server import Site, serving

CONTENT = bytes(range(256)) * 4_000
LIMITS = DownloadLimits(max_bytes=2_000_000, stall_s=2.0, tries=3, wait_s=0.001)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"/model.zip": CONTENT})) as site:
        yield site


def fetch(site: Site, folder: Path, limits: DownloadLimits = LIMITS) -> list[tuple[int, int | None]]:
    progress: list[tuple[int, int | None]] = []
    download(f"{site.url}/model.zip", folder / "model.zip", lambda done, total: progress.append((done, total)), limits)
    return progress


def test_a_file_is_fetched_with_progress(site: Site, tmp_path: Path) -> None:
    progress = fetch(site, tmp_path)
    assert (tmp_path / "model.zip").read_bytes() == CONTENT
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["model.zip"]


def test_a_broken_transfer_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.break_after = [300_000, 100_000, None]
    fetch(site, tmp_path)
    assert (tmp_path / "model.zip").read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, "bytes=300000-", "bytes=400000-"]


def test_what_is_kept_is_continued_by_the_next_command(site: Site, tmp_path: Path) -> None:
    site.break_after = [300_000, 0, 0, 0]
    with pytest.raises(UserError, match="could not be fetched") as caught:
        fetch(site, tmp_path)
    assert "300000 bytes are kept" in caught.value.problems[0].todo
    before = len(site.requests)
    fetch(site, tmp_path)
    assert (tmp_path / "model.zip").read_bytes() == CONTENT
    assert site.requests[before:] == [("/model.zip", "bytes=300000-")]


def test_a_changed_file_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    site.break_after = [300_000, 0, 0, 0]
    with pytest.raises(UserError):
        fetch(site, tmp_path)
    site.files["/model.zip"] = changed = CONTENT[::-1] + b"!"
    fetch(site, tmp_path)
    assert (tmp_path / "model.zip").read_bytes() == changed


@pytest.mark.parametrize("fault", ["no ranges", "no validator", "another place"])
def test_a_server_that_cannot_continue(site: Site, tmp_path: Path, fault: str) -> None:
    site.break_after = [300_000, None, None]
    site.ranges, site.validator = fault != "no ranges", fault != "no validator"
    site.wrong_place = fault == "another place"
    fetch(site, tmp_path)
    assert (tmp_path / "model.zip").read_bytes() == CONTENT


def test_a_length_that_is_too_long_is_not_believed_for_ever(site: Site, tmp_path: Path) -> None:
    site.length_error, site.ranges = 1_000, False
    with pytest.raises(UserError) as caught:
        fetch(site, tmp_path)
    assert f"after {len(CONTENT)} of {len(CONTENT) + 1_000} bytes" in caught.value.problems[0].why
    assert len(site.requests) <= LIMITS.tries + 1
    assert not (tmp_path / "model.zip").exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_fetched(site: Site, tmp_path: Path) -> None:
    site.length_error = 5_000_000
    with pytest.raises(UserError, match="too large"):
        fetch(site, tmp_path)
    assert len(site.requests) == 1


def test_a_server_that_is_busy_is_asked_again_and_a_refusal_is_final(site: Site, tmp_path: Path) -> None:
    site.statuses = [503, 429]
    fetch(site, tmp_path)
    assert sha256_of(tmp_path / "model.zip")
    before = len(site.requests)
    site.statuses = [403]
    with pytest.raises(UserError) as caught:
        fetch(site, tmp_path)
    assert "403" in caught.value.problems[0].why
    assert len(site.requests) == before + 1


def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be fetched"):
        download("http://127.0.0.1:9/model.zip", tmp_path / "model.zip", lambda done, total: None, LIMITS)
    with pytest.raises(UserError, match="cannot be fetched"):
        download("file:///etc/passwd", tmp_path / "model.zip", lambda done, total: None, LIMITS)
