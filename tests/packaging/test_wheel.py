"""What is installed, outside the checkout: that it runs, that it is whole, and that it is in nobody's way."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

from tests.packaging.conftest import pip, run

BOT = """\
from offhook import AnswerKind, Bot, Call

bot = Bot()


@bot.answer
async def order(call: Call) -> None:
    size = await call.ask("Small or large?", choices={"small": ["small"], "large": ["large"]})
    if size.kind is AnswerKind.NO_INPUT:
        return
    await call.say(f"One {size.choice or 'large'} pizza it is.")


if __name__ == "__main__":
    bot.run()
"""
WRONG = BOT.replace('await call.say(f"', 'await call.say(5 if size.choice else f"')


# Fetched with npm, without which the page does without it.
WAVEFORM = ("offhook/web/page/vendor/wavesurfer/wavesurfer.esm.js", "offhook/web/page/vendor/wavesurfer/LICENSE")


def test_what_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        top = {name.partition("/")[0] for name in names}
        assert {name for name in top if not name.endswith(".dist-info")} == {"offhook"}
        (top_level,) = [name for name in names if name.endswith("top_level.txt")]
        assert file.read(top_level).decode().split() == ["offhook"]
    for needed in (
        "offhook/py.typed",
        "offhook/pipeline/py.typed",
        "offhook/pipeline/vad/model/silero_vad.onnx",
        "offhook/pipeline/vad/model/LICENSE",
        "offhook/assets/flows/bank.yaml",
        "offhook/web/page/live.html",
        "offhook/web/page/style.css",
        *(WAVEFORM if shutil.which("npm") else ()),
    ):
        assert needed in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert any(name.startswith("offhook/telephony/native/_media.") and name.endswith(".so") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".c", ".db"))]


def test_the_first_call_beside_folders_of_the_users_own(python: Path, tmp_path: Path) -> None:
    for name in ("pipeline", "telephony", "settings"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not this one')\n")
    (tmp_path / "sip.py").write_text("raise RuntimeError('not this one')\n")
    # -m puts the current folder at the front of the path, as a script of the user's would.
    result = run([python, "-m", "offhook", "demo", "--once", "--json"], tmp_path)
    made = json.loads(result.stdout)
    assert made["ok"], made["problem"]
    assert made["record"]["recording"].startswith(str(tmp_path))


def test_nothing_is_missing_but_what_is_extra(python: Path, tmp_path: Path) -> None:
    pip("--python", python, "check", folder=tmp_path)
    run(
        [python, "-c", "import offhook.telephony.native._media, offhook.pipeline.vad.silero as s; s.SileroVad()"],
        tmp_path,
    )


def test_an_sdist_builds_the_same_wheel_without_fetching(source: Path, wheel: Path, tmp_path: Path) -> None:
    code = "import build_backend as b, sys; print(b.build_sdist(sys.argv[1]))"
    run([sys.executable, "-c", f"import sys; sys.path.insert(0, 'build_support'); {code}", tmp_path], source)
    (sdist,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(sdist, tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert (folder / "offhook" / "pipeline" / "vad" / "model" / "silero_vad.onnx").is_file()
    pip("wheel", "--no-deps", "--wheel-dir", tmp_path, folder, folder=tmp_path)
    (again,) = tmp_path.glob("*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


CALLS = """\
def test_hours(offhook_call):
    call = offhook_call(["wait_for: speech", {"press": "1"}, "wait_for: speech", "wait_for: end"],
                        expect={"ended_by": "bot", "bot_said": ["nine to five"]})
    assert call.passed, call.text()


def test_wrong(offhook_call):
    call = offhook_call(["hang_up"], expect={"codec": "PCMA"})
    assert call.passed, call.text()
"""


def test_pytest_finds_the_plug_in_and_places_calls_to_a_first_flow(python: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], tmp_path)
    interpreter = tmp_path / "venv" / "bin" / "python"
    pip("--python", interpreter, "install", "pytest", folder=tmp_path)
    beside(interpreter, python)
    run([python, "-m", "offhook", "init", "shop"], tmp_path)
    (tmp_path / "test_shop.py").write_text(CALLS)
    said = run([interpreter, "-m", "pytest", "--offhook-bot", "shop/flow.yaml", "test_shop.py"], tmp_path, status=1)
    assert "1 failed, 1 passed" in said.stdout, said.stdout
    assert "Captured offhook call" in said.stdout and "PCMA was not agreed on" in said.stdout
    off = run([interpreter, "-m", "pytest", "-p", "no:offhook", "--fixtures", "test_shop.py"], tmp_path)
    assert "offhook_call" not in off.stdout


def beside(interpreter: Path, other: Path) -> None:
    """What another environment has installed is found in this one, too."""
    site = next((interpreter.parent.parent / "lib").glob("python*")) / "site-packages"
    found = next((other.parent.parent / "lib").glob("python*")) / "site-packages"
    (site / "requirements.pth").write_text(f"{found}\n")


def test_the_types_are_installed(python: Path, tmp_path: Path) -> None:
    check_types(python, tmp_path)


def test_the_types_of_an_editable_install(source: Path, python: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], tmp_path)
    interpreter = tmp_path / "venv" / "bin" / "python"
    pip("--python", interpreter, "install", "--no-deps", "--editable", source, folder=tmp_path)
    beside(interpreter, python)
    check_types(interpreter, tmp_path)


def check_types(python: Path, folder: Path) -> None:
    """mypy and pyright know the types of a user's script: the right one passes, the wrong one does not."""
    work = folder / "bot"
    work.mkdir()
    (work / "right.py").write_text(BOT)
    (work / "wrong.py").write_text(WRONG)
    mypy: list[str | Path] = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-incremental",
        "--python-executable",
        python,
    ]
    pyright: list[str | Path] = [sys.executable, "-m", "pyright", "--pythonpath", python]
    for checker in (mypy, pyright) if shutil.which("npm") else (mypy,):  # pyright's package brings itself with npm
        said = run([*checker, "right.py", "wrong.py"], work, status=1).stdout
        errors = [line for line in said.splitlines() if "error" in line and ".py" in line]
        assert len(errors) == 1 and "wrong.py" in errors[0] and "str" in errors[0], said
