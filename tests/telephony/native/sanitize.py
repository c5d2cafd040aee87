"""Runs the tests of the native media modules with the sanitizers of gcc in it:

    python -m tests.telephony.native.sanitize [address] [thread]

`address` looks for accesses out of bounds, use after free and undefined behaviour, `thread` for data races between the
pump's thread and the interpreter's (the interpreter itself is not instrumented, but its locks are seen). They are
built in a copy; those that are installed stay as they are. Takes a minute or two; the exit status is 0 when nothing
was found.
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COPIED = ("offhook", "telephony", "pipeline", "sip", "tests", "pyproject.toml")
TESTS = (
    "tests/telephony/native",
    "tests/telephony/test_resample.py",
    "tests/telephony/test_dtmf_keys.py",
    "tests/telephony/test_dtmf_tones.py",
    "tests/telephony/net/test_line_keys.py",
    "tests/telephony/net/test_line_srtp.py",
)
IGNORED = shutil.ignore_patterns("__pycache__", "*.so")
COMMON = ("-g", "-O1", "-fno-omit-frame-pointer", "-ffp-contract=off", "-pthread", "-fPIC", "-shared")


@dataclass(frozen=True)
class Sanitizer:
    """How one is built in and set up; `libraries` have to be in the process before the interpreter is."""

    flags: tuple[str, ...]
    libraries: tuple[str, ...]
    settings: dict[str, str]


SANITIZERS = {
    "address": Sanitizer(
        ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
        ("libasan.so", "libubsan.so"),
        {
            # What the interpreter keeps until its end isn't our leak.
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:log_path={log}",
            "UBSAN_OPTIONS": "print_stacktrace=1:log_path={log}",
            # Else the small objects of Python lie in large blocks, whose inner bounds nobody watches.
            "PYTHONMALLOC": "malloc",
        },
    ),
    "thread": Sanitizer(
        ("-fsanitize=thread",),
        ("libtsan.so",),
        {"TSAN_OPTIONS": "history_size=4:log_path={log}", "OPENBLAS_NUM_THREADS": "1"},
    ),
}


def build(tree: Path, sanitizer: Sanitizer, compiler: str) -> None:
    modules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    include = f"-I{sysconfig.get_path('include')}"
    for module in modules:
        sources = [str(tree / each) for each in module["sources"]]
        made = ("-o", f"{tree / module['name'].replace('.', '/')}.abi3.so", "-lm", "-ldl")
        subprocess.run([compiler, *COMMON, *sanitizer.flags, include, *sources, *made], check=True)


def library(name: str, compiler: str) -> str:
    found = subprocess.run([compiler, f"-print-file-name={name}"], check=True, capture_output=True, text=True)
    path = found.stdout.strip()
    if not Path(path).is_absolute():
        sys.exit(f"{compiler} has no {name}: the sanitizers come with gcc (apt-get install gcc), or CC=gcc-12")
    return path


def passes(name: str, compiler: str) -> bool:
    sanitizer = SANITIZERS[name]
    with tempfile.TemporaryDirectory(prefix="sanitize-") as folder:
        tree, log = Path(folder) / "tree", Path(folder) / "report"
        tree.mkdir()
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, tree / part, symlinks=True, ignore=IGNORED)
            else:
                shutil.copy(ROOT / part, tree / part)
        build(tree, sanitizer, compiler)
        environment = os.environ | {key: value.format(log=log) for key, value in sanitizer.settings.items()}
        environment["LD_PRELOAD"] = " ".join(library(each, compiler) for each in sanitizer.libraries)
        # Without the module the tests would all be skipped, and nothing found.
        there = "from offhook.telephony.native import _frames, _media"
        subprocess.run([sys.executable, "-c", there], cwd=tree, env=environment, check=True)
        pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TESTS]
        status = subprocess.run(pytest, cwd=tree, env=environment, check=False).returncode
        reports = sorted(log.parent.glob(log.name + ".*"))
        for report in reports:
            sys.stdout.write(report.read_text(errors="replace"))
    return status == 0 and not reports


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="address|thread", help="which; default: both")
    names = options.parse_args().names or list(SANITIZERS)
    if unknown := set(names) - set(SANITIZERS):
        options.error(f"no such sanitizer: {', '.join(sorted(unknown))}")
    compiler = os.environ.get("CC", "gcc")
    failed = [name for name in names if not passes(name, compiler)]
    sys.exit(f"found something: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
