"""The environment the program runs in: a virtual environment beside the code, with pinned packages and a stamp.

Nothing outside `.dev` (or `VIDCDN_DEV_DIR`) is written, and the user's own Python packages are neither used nor
changed. A stamp tells whether all is there, so a second start installs nothing.
"""

# ruff: noqa: S603 - every command here is a list of our own words; PATH says which tool the user means

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import devsystem
from devsystem import say

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
RUN, TEST = "run", "test"

_DEBIAN_WHEELS = Path("/usr/share/python-wheels")
_STILL_BUSY_S = 30.0
# Settings of the user's that would send packages elsewhere, or another Python's packages in here.
_FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIREMENT", "PIP_CONSTRAINT")


class SetupFailed(Exception):
    """The environment could not be made; the text says what to do."""


def dev_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where everything we make lives."""
    chosen = environ.get("VIDCDN_DEV_DIR")
    return Path(chosen).expanduser().resolve() if chosen else ROOT / ".dev"


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def _site_packages(venv: Path) -> Path:
    if os.name == "nt":
        return venv / "Lib" / "site-packages"
    return venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def clean_environ(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without what belongs to another Python. pip's index settings stay: they are the machine's."""
    return {name: value for name, value in environ.items() if name not in _FOREIGN} | {"PYTHONNOUSERSITE": "1"}


def stamp_key(files: list[Path], kind: str, venv: Path) -> str:
    """Changes with the pins, the Python version, or the place (scripts carry absolute paths)."""
    digest = hashlib.sha256(repr((kind, str(venv), str(ROOT), sys.version_info[:2])).encode())
    for file in files:
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()


def _distributions(venv: Path) -> set[str]:
    try:
        return {entry.name for entry in _site_packages(venv).iterdir() if entry.name.endswith(".dist-info")}
    except OSError:
        return set()


def write_stamp(venv: Path, kind: str, key: str) -> None:
    """Record that `kind` is complete, with the packages that make it so. Atomic."""
    stamp = venv / f"vidcdn-{kind}.json"
    part = stamp.with_suffix(".part")
    part.write_text(json.dumps({"key": key, "packages": sorted(_distributions(venv))}), "utf-8")
    part.replace(stamp)


def is_ready(venv: Path, kind: str, key: str) -> bool:
    """True when the stamp fits and what it lists is still there. Reads one file and one folder: milliseconds."""
    try:
        stamp = json.loads((venv / f"vidcdn-{kind}.json").read_text("utf-8"))
        fits = stamp["key"] == key
        packages = set(stamp["packages"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return fits and bool(packages) and venv_python(venv).exists() and packages <= _distributions(venv)


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Two commands started together: the second waits here and then finds all done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+b") as handle:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            while True:
                try:
                    msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:
                    continue  # it gives up after ten tries of a second each; an installation takes longer
        else:
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Another start is preparing the environment; waiting for it.")
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _run(command: list[str], cwd: Path = ROOT) -> tuple[int, str]:
    """Run quietly; give the exit code and all it said. A line now and then shows that it is alive."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            command, cwd=cwd, env=clean_environ(), stdin=subprocess.DEVNULL, stdout=words, stderr=subprocess.STDOUT
        )
        try:
            while True:
                try:
                    code = process.wait(_STILL_BUSY_S)
                    break
                except subprocess.TimeoutExpired:
                    say(f"  … still busy, {time.monotonic() - begun:.0f} s so far")
        except BaseException:
            process.kill()
            process.wait()
            raise
        words.seek(0)
        return code, words.read().decode("utf-8", "replace")


def _pip(python: Path, *arguments: str) -> None:
    """Install with pip, once more when it fails: a dropped connection is the usual reason."""
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-input", *arguments]
    words = ""
    for attempt in (1, 2):
        code, words = _run(command)
        if code == 0:
            return
        if attempt == 1:
            say("  That did not work; trying once more.")
    tail = "\n".join("    " + line for line in words.splitlines() if "is ignored: it is neither" not in line)[-3000:]
    raise SetupFailed(f"The packages could not be installed. pip said:\n{tail}")


def _pip_from_wheel(python: Path, folder: Path) -> bool:
    wheels = sorted(folder.glob("**/pip-*.whl"))
    if not wheels:
        return False
    wheel = str(wheels[-1])
    # pip runs straight out of its own wheel.
    return _run([str(python), f"{wheel}/pip", "install", "-q", "--no-index", wheel])[0] == 0


def _pip_from_debian(python: Path, scratch: Path) -> bool:
    """Fetch Debian's pip wheel without installing a package: needs no administrator."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return False
    say("  This Python comes without pip (Debian keeps it apart); fetching python3-pip-whl into the environment.")
    if devsystem.lists_are_empty():
        root = devsystem.root_prefix()
        if root is not None:
            devsystem.apt_update(root)
    scratch.mkdir(parents=True, exist_ok=True)
    if _run(["apt-get", "-qq", "download", "python3-pip-whl"], cwd=scratch)[0]:
        return False
    packages = list(scratch.glob("python3-pip-whl*.deb"))
    if not packages or _run(["dpkg-deb", "-x", str(packages[-1]), str(scratch / "unpacked")])[0]:
        return False
    return _pip_from_wheel(python, scratch / "unpacked")


def _bring_pip(venv: Path) -> None:
    """Put pip into an environment that was made without it, by the gentlest way that works.

    Raises: SetupFailed: no way worked.
    """
    python = venv_python(venv)
    if _pip_from_wheel(python, _DEBIAN_WHEELS) or _pip_from_debian(python, venv / "pip-scratch"):
        shutil.rmtree(venv / "pip-scratch", ignore_errors=True)
        return
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-input", "pip"]
        if _run(command)[0] == 0:
            return
    root = devsystem.root_prefix() if shutil.which("apt-get") else None
    if root is not None:
        say("  Installing python3-venv, needed for making a Python environment.")
        if devsystem.apt_install(root, ["python3-venv"]) and _run([str(python), "-m", "ensurepip"])[0] == 0:
            return
    raise SetupFailed("This Python cannot make an environment. Run this once: sudo apt-get install python3-venv")


def _make_venv(venv: Path) -> None:
    """A fresh virtual environment with pip, in place of whatever stood there.

    Raises: SetupFailed: this Python cannot make one.
    """
    if venv.exists():
        shutil.rmtree(venv)
    if importlib.util.find_spec("venv") is None:
        raise SetupFailed("This Python lacks its venv module. Run this once: sudo apt-get install python3-venv")
    if importlib.util.find_spec("ensurepip"):
        code, words = _run([sys.executable, "-m", "venv", str(venv)])
        if code == 0:
            return
        shutil.rmtree(venv, ignore_errors=True)
    code, words = _run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    if code:
        raise SetupFailed(f"The Python environment could not be made in {venv}:\n{words[-2000:]}")
    _bring_pip(venv)


def _works(venv: Path) -> bool:
    """True when the environment's Python starts, is the version we run, and has pip."""
    python = venv_python(venv)
    if not python.exists():
        return False
    test = f"import sys, pip; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    try:
        return _run([str(python), "-c", test])[0] == 0
    except OSError:
        return False


def _prepare(venv: Path) -> Path:
    """A working environment to install into, made or repaired. No stamp is left: it is not complete yet."""
    for stamp in venv.glob("vidcdn-*.json"):
        stamp.unlink()
    if not _works(venv):
        say(f"Making a Python environment in {venv}")
        _make_venv(venv)
    return venv_python(venv)


def _drop_copied_resources(venv: Path) -> None:
    """Remove the copy of `resources/` that an editable installation makes: it would grow old beside the real one."""
    copy = _site_packages(venv) / "vidcdn_desktop"
    if copy.is_dir() and not (copy / "__init__.py").exists():
        shutil.rmtree(copy)


def ensure(kind: str) -> Path:
    """The Python of the environment, with the packages of `kind` (RUN or TEST) installed.

    Raises: SetupFailed: with the sentence to show.
    """
    venv = dev_dir() / "venv"
    pins = [ROOT / "pyproject.toml", ROOT / "constraints.txt", PACKAGING / "build-constraints.txt"]
    keys = {name: stamp_key(pins, name, venv) for name in (RUN, TEST)}
    if is_ready(venv, kind, keys[kind]):
        return venv_python(venv)
    with _one_at_a_time(dev_dir()):
        if is_ready(venv, kind, keys[kind]):
            return venv_python(venv)
        python = _prepare(venv)
        # The build backend is pinned and installed first, so that no build fetches one of its own choice.
        _pip(python, "-c", str(pins[2]), "hatchling", "editables")
        if kind == RUN:
            say("Installing the program's packages (about 350 MB the first time).")
            _pip(python, "-c", str(pins[1]), "--no-build-isolation", "-e", ".")
        else:
            say("Installing the program's packages and the test tools (about 400 MB the first time).")
            _pip(python, "-c", str(pins[1]), "--no-build-isolation", "-e", ".[dev]")
        _drop_copied_resources(venv)
        if kind == TEST:
            write_stamp(venv, TEST, keys[TEST])
        write_stamp(venv, RUN, keys[RUN])
    return python


def ensure_swift() -> Path | None:
    """The bin folder of an environment with OpenStack Swift, the second S3 server of the tests; None without it.

    It has its own environment because its packages and ours do not share versions.
    """
    if not sys.platform.startswith("linux"):
        return None
    venv = dev_dir() / "swift"
    pins = PACKAGING / "swift-constraints.txt"
    key = stamp_key([pins], "swift", venv)
    try:
        if not is_ready(venv, "swift", key):
            with _one_at_a_time(dev_dir()):
                if not is_ready(venv, "swift", key):
                    python = _prepare(venv)
                    say("Installing OpenStack Swift, the second S3 server the tests talk to.")
                    _pip(python, "-r", str(pins))
                    write_stamp(venv, "swift", key)
    except (SetupFailed, OSError) as error:
        say(f"Swift could not be installed, so its tests are skipped. {error}")
        return None
    return venv_python(venv).parent
