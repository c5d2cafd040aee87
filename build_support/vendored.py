"""Fetches third-party files that the package contains and the repository does not: Silero's model from the `silero-vad`
wheel, and the waveform of the live page from npm. Existing files are not fetched again.

`python build_support/vendored.py [model] [page]`; by default both.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The wheel requires torch, which its ONNX file does not need: only the file and its licence are taken.
SILERO = "silero-vad==6.2.3"
SILERO_SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
SILERO_FILES = {"silero_vad/data/silero_vad.onnx": "silero_vad.onnx", "licenses/LICENSE": "LICENSE"}
MODEL_DIR = ROOT / "offhook" / "pipeline" / "vad" / "model"

PAGE_DIR = ROOT / "offhook" / "web" / "page" / "vendor" / "wavesurfer"
PAGE_FILES = ("dist/wavesurfer.esm.js", "dist/plugins/regions.esm.js", "LICENSE")


def fetch():
    """Fetch everything that is missing."""
    fetch_model()
    fetch_page()


def fetch_model():
    """Fetch Silero's model and its licence (MIT). Ends the build if that fails."""
    if all((MODEL_DIR / name).is_file() for name in SILERO_FILES.values()):
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        result = subprocess.run([*command, "--only-binary=:all:", "--dest", folder, SILERO], check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if result.returncode or not wheels:
            sys.exit(
                f"the speech detector's model cannot be fetched\n  why:  pip download {SILERO} failed, see above\n"
                f"  type: check the network, or put its silero_vad.onnx and LICENSE into {MODEL_DIR}"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            found = {new: _member(wheel, old) for old, new in SILERO_FILES.items()}
    if hashlib.sha256(found["silero_vad.onnx"]).hexdigest() != SILERO_SHA256:
        sys.exit(
            f"the speech detector's model in {SILERO} is not the tested file\n  why:  its SHA-256 is different\n"
            f"  type: put the tested silero_vad.onnx and its LICENSE into {MODEL_DIR}"
        )
    MODEL_DIR.mkdir(exist_ok=True)
    for name, data in found.items():
        (MODEL_DIR / name).write_bytes(data)


def _member(wheel, ending):
    name = next(name for name in wheel.namelist() if name.endswith(ending))
    return wheel.read(name)


def fetch_page():
    """Fetch the page's waveform. Without npm the page works, and says what is missing."""
    if (PAGE_DIR / "wavesurfer.esm.js").is_file():
        return
    package = ROOT / "node_modules" / "wavesurfer.js"
    npm = shutil.which("npm")
    if not package.is_dir() and npm is not None:
        quiet = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([npm, "install", *quiet], cwd=ROOT, check=False)
    if not package.is_dir():
        print("without npm the live page has no waveform: apt-get install npm, then make page", file=sys.stderr)
        return
    PAGE_DIR.mkdir(parents=True, exist_ok=True)
    for name in PAGE_FILES:
        shutil.copy(package / name, PAGE_DIR / Path(name).name)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["model", "page"]
    if "model" in wanted:
        fetch_model()
    if "page" in wanted:
        fetch_page()
