"""The two commands: what they find out about a computer, when they install, and what they say at the end."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
MODULES = ("dev", "devenv", "devsystem", "devtests")


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The scripts as modules, forgotten again after the test."""
    monkeypatch.syspath_prepend(str(PACKAGING))
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def dev(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["dev"]


@pytest.fixture
def devenv(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["devenv"]


@pytest.fixture
def devsystem(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["devsystem"]


@pytest.fixture
def devtests(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["devtests"]


# What `run` starts


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_display_is_looked_for_only_where_it_may_be_absent(
    devsystem: ModuleType, platform: str, environ: dict[str, str], expected: bool
) -> None:
    assert devsystem.has_display(platform, environ) is expected


def test_run_opens_the_practice_cloud_or_does_the_same_headless(dev: ModuleType) -> None:
    assert dev.program_arguments([], True) == ["--connection", "practice"]
    assert dev.program_arguments([], False) == ["demo"]


def test_run_passes_arguments_on_untouched(dev: ModuleType) -> None:
    words = ["publish", "my film; rm -rf.mp4", "--connection", "practice"]
    assert dev.program_arguments(words, True) == words
    assert dev.program_arguments(["--", *words], False) == words


# System packages


def test_a_package_counts_only_when_fully_installed(devsystem: ModuleType) -> None:
    listing = "ffmpeg installed\nlibegl1 config-files\nlibgl1 half-configured\nodd\nlibpulse0 installed\n"
    assert devsystem.parse_installed(listing) == {"ffmpeg", "libpulse0"}


def test_any_name_of_a_need_covers_it(devsystem: ModuleType) -> None:
    group = devsystem.Group("g", "w", (("new-name", "old-name"), ("other",)))
    assert devsystem.missing_needs([group], frozenset({"old-name"})) == [(group, (("other",),))]
    assert devsystem.missing_needs([group], frozenset({"new-name", "other"})) == []


def test_candidates_leave_out_names_this_release_cannot_install(devsystem: ModuleType) -> None:
    policy = (
        "libssl3t64:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"
        "libssl3:\n  Installed: (none)\n  Candidate: 3.0.17-1\n  Version table:\n     3.0.17-1 500\n"
    )
    assert devsystem.parse_candidates(policy) == {"libssl3"}


def test_the_newest_known_name_is_chosen(devsystem: ModuleType) -> None:
    names = ("libglib2.0-0t64", "libglib2.0-0")
    assert devsystem.choose(names, frozenset(names)) == "libglib2.0-0t64"
    assert devsystem.choose(names, frozenset({"libglib2.0-0"})) == "libglib2.0-0"
    assert devsystem.choose(names, frozenset()) is None


def test_missing_packages_without_an_administrator_are_said_and_nothing_fails(
    devsystem: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(devsystem.sys, "platform", "linux")
    monkeypatch.setattr(devsystem.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(devsystem, "_installed", lambda: frozenset({"ffmpeg"}))
    monkeypatch.setattr(devsystem, "root_prefix", lambda: None)
    devsystem.ensure(tmp_path, False, said.append)
    assert any("Qt's libraries" in line and "drawing the window" in line for line in said)
    assert "sudo apt-get install" in said[-1]
    assert "libglib2.0-0" in said[-1]
    assert not list(tmp_path.glob("*.stamp")), "nothing is complete, so there must be no stamp"


def test_a_complete_system_is_asked_once(
    devsystem: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = tmp_path / "status"
    status.write_text("one")
    asked: list[None] = []

    def installed() -> frozenset[str]:
        asked.append(None)
        return frozenset(name for group in devsystem.GROUPS for need in group.packages for name in need)

    monkeypatch.setattr(devsystem.sys, "platform", "linux")
    monkeypatch.setattr(devsystem.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(devsystem, "_DPKG_STATUS", status)
    monkeypatch.setattr(devsystem, "_installed", installed)
    devsystem.ensure(tmp_path / "dev", False)
    devsystem.ensure(tmp_path / "dev", False)
    assert len(asked) == 1
    status.write_text("a package was removed")
    devsystem.ensure(tmp_path / "dev", False)
    assert len(asked) == 2


def test_an_installation_that_did_not_work_is_not_tried_at_every_start(
    devsystem: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = tmp_path / "status"
    status.write_text("one")
    tried: list[None] = []
    said: list[str] = []
    monkeypatch.setattr(devsystem.sys, "platform", "linux")
    monkeypatch.setattr(devsystem.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(devsystem, "_DPKG_STATUS", status)
    monkeypatch.setattr(devsystem, "_installed", frozenset)
    monkeypatch.setattr(devsystem, "root_prefix", list)
    monkeypatch.setattr(devsystem, "_install_groups", lambda *_arguments: tried.append(None))
    devsystem.ensure(tmp_path / "dev", False, said.append)
    devsystem.ensure(tmp_path / "dev", False, said.append)
    assert len(tried) == 1
    assert said[-1].startswith("  Going on without."), "what is missing is said at every start"
    status.write_text("a package was added")
    devsystem.ensure(tmp_path / "dev", False, said.append)
    assert len(tried) == 2


@pytest.mark.parametrize(
    ("platform", "command"), [("darwin", "brew install ffmpeg"), ("win32", "winget install ffmpeg")]
)
def test_other_systems_are_told_one_command(
    devsystem: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, command: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr(devsystem.sys, "platform", platform)
    monkeypatch.setattr(devsystem.shutil, "which", lambda _name: None)
    devsystem.ensure(tmp_path, False, said.append)
    assert said[-1].endswith(command)


def test_a_system_with_ffmpeg_is_told_nothing(
    devsystem: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(devsystem.sys, "platform", "darwin")
    monkeypatch.setattr(devsystem.shutil, "which", lambda name: f"/opt/{name}")
    devsystem.ensure(tmp_path, False, said.append)
    assert said == []


# The environment and its stamp


def _environment(devenv: ModuleType, folder: Path) -> Path:
    """Something with the shape of an environment and two packages in it."""
    venv = folder / "venv"
    site = devenv._site_packages(venv)
    for name in ("a-1.dist-info", "b-2.dist-info"):
        (site / name).mkdir(parents=True)
    python = devenv.venv_python(venv)
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    return venv


def test_a_stamped_environment_is_ready(devenv: ModuleType, tmp_path: Path) -> None:
    venv = _environment(devenv, tmp_path)
    assert not devenv.is_ready(venv, "run", "key")
    devenv.write_stamp(venv, "run", "key")
    assert devenv.is_ready(venv, "run", "key")
    assert not devenv.is_ready(venv, "test", "key")
    assert not devenv.is_ready(venv, "run", "another key")


def test_a_package_that_went_away_is_noticed(devenv: ModuleType, tmp_path: Path) -> None:
    venv = _environment(devenv, tmp_path)
    devenv.write_stamp(venv, "run", "key")
    (devenv._site_packages(venv) / "b-2.dist-info").rmdir()
    assert not devenv.is_ready(venv, "run", "key")


def test_an_interpreter_that_went_away_is_noticed(devenv: ModuleType, tmp_path: Path) -> None:
    venv = _environment(devenv, tmp_path)
    devenv.write_stamp(venv, "run", "key")
    python = devenv.venv_python(venv)
    python.unlink()
    python.symlink_to(tmp_path / "removed-python")
    assert not devenv.is_ready(venv, "run", "key")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"key": "key"}', '{"key": "key", "packages": 3}'])
def test_a_damaged_stamp_means_not_ready(devenv: ModuleType, tmp_path: Path, text: str) -> None:
    venv = _environment(devenv, tmp_path)
    (venv / "vidcdn-run.json").write_text(text)
    assert not devenv.is_ready(venv, "run", "key")


def test_the_stamp_changes_with_the_pins_the_kind_and_the_place(devenv: ModuleType, tmp_path: Path) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("a==1\n")
    first = devenv.stamp_key([pins], "run", tmp_path)
    assert first == devenv.stamp_key([pins], "run", tmp_path)
    assert first != devenv.stamp_key([pins], "test", tmp_path)
    assert first != devenv.stamp_key([pins], "run", tmp_path / "moved")
    pins.write_text("a==2\n")
    assert first != devenv.stamp_key([pins], "run", tmp_path)


def test_an_unfinished_environment_leaves_no_stamp(
    devenv: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDCDN_DEV_DIR", str(tmp_path))
    monkeypatch.setattr(devenv, "dev_dir", lambda: tmp_path)
    venv = _environment(devenv, tmp_path)
    devenv.write_stamp(venv, "run", "an older key")
    monkeypatch.setattr(devenv, "_works", lambda _venv: True)

    def refuse(*_arguments: object) -> None:
        raise devenv.SetupFailed("no connection")

    monkeypatch.setattr(devenv, "_pip", refuse)
    with pytest.raises(devenv.SetupFailed):
        devenv.ensure(devenv.RUN)
    assert not list(venv.glob("vidcdn-*.json"))


def test_a_second_start_installs_nothing(devenv: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devenv, "dev_dir", lambda: tmp_path)
    _environment(devenv, tmp_path)
    monkeypatch.setattr(devenv, "_works", lambda _venv: True)
    installed: list[tuple[object, ...]] = []
    monkeypatch.setattr(devenv, "_pip", lambda *arguments: installed.append(arguments))
    devenv.ensure(devenv.TEST)
    count = len(installed)
    assert count
    devenv.ensure(devenv.TEST)
    devenv.ensure(devenv.RUN)  # what the tests need holds what a run needs
    assert len(installed) == count


def test_an_environment_that_does_not_start_is_made_anew(devenv: ModuleType, tmp_path: Path) -> None:
    venv = _environment(devenv, tmp_path)
    assert not devenv._works(venv), "its interpreter is an empty file"


def test_the_users_own_packages_stay_out(devenv: ModuleType) -> None:
    environ = {"PATH": "/bin", "PYTHONPATH": "/home/me/lib", "PIP_TARGET": "/home/me", "PIP_INDEX_URL": "kept"}
    assert devenv.clean_environ(environ) == {"PATH": "/bin", "PIP_INDEX_URL": "kept", "PYTHONNOUSERSITE": "1"}


def test_the_folder_can_be_chosen(devenv: ModuleType, tmp_path: Path) -> None:
    assert devenv.dev_dir({}) == ROOT / ".dev"
    assert devenv.dev_dir({"VIDCDN_DEV_DIR": str(tmp_path / "x")}) == tmp_path / "x"


# The end of a test run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("============ 12 passed, 3 skipped in 4.56s ============", "12 passed, 3 skipped in 4.56s"),
        ("\x1b[32m===== \x1b[1m12 passed\x1b[0m in 1.00s =====\x1b[0m", "12 passed in 1.00s"),
        (
            "==== 1 failed, 211 passed, 2 errors in 75.10s (0:01:15) ====",
            "1 failed, 211 passed, 2 errors in 75.10s (0:01:15)",
        ),
        ("12 passed in 0.10s", "12 passed in 0.10s"),
        ("============ no tests ran in 0.01s ============", "no tests ran in 0.01s"),
        ("FAILED tests/core/test_x.py::test_y - 3 passed in the wrong way", ""),
        ("Fatal Python error: Aborted", ""),
    ],
)
def test_pytests_closing_line_is_found(devtests: ModuleType, line: str, expected: str) -> None:
    assert devtests.closing_line(["start\n", line + "\n", "\n"]) == expected


def test_errors_count_as_failed(devtests: ModuleType) -> None:
    assert devtests.counts("1 failed, 4 passed, 2 skipped, 3 errors in 1.00s") == {
        "passed": 4,
        "failed": 4,
        "skipped": 2,
    }


def _outcome(devtests: ModuleType, name: str, code: int, closing: str | None = None) -> object:
    return devtests.Outcome(devtests.Step(name, [], is_pytest=closing is not None), code, 1.0, closing or "")


def test_the_last_line_is_the_sum(devtests: ModuleType) -> None:
    outcomes = [
        _outcome(devtests, "ruff", 0),
        _outcome(devtests, "core", 0, "10 passed in 1.00s"),
        _outcome(devtests, "window", 1, "2 failed, 5 passed in 1.00s"),
    ]
    lines = devtests.summary(outcomes)
    assert lines[-1] == "15 passed, 2 failed"
    assert lines[-2] == "  Not right: window"


def test_a_run_that_broke_off_does_not_look_green(devtests: ModuleType) -> None:
    outcomes = [_outcome(devtests, "core", 0, "10 passed in 1.00s"), _outcome(devtests, "window", -6, "")]
    assert devtests.summary(outcomes)[-1] == "10 passed, 1 failed"


def test_a_failed_check_fails_the_command(
    devtests: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def python(code: str, **more: bool) -> object:
        return devtests.Step(code, [sys.executable, "-c", code], **more)

    environ = dict(os.environ)
    good = python("print('===== 2 passed in 0.01s =====')", is_pytest=True)
    monkeypatch.setattr(devtests, "steps", lambda *_paths: [good])
    assert devtests.run_all(tmp_path, tmp_path, environ) == 0
    monkeypatch.setattr(devtests, "steps", lambda *_paths: [python("raise SystemExit(3)"), good])
    assert devtests.run_all(tmp_path, tmp_path, environ) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"


def test_the_two_test_runs_go_side_by_side_and_both_count(
    devtests: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each waits for the file of the other: one after the other would never end."""
    wait = "import pathlib, time\nwhile not pathlib.Path({0!r}).exists(): time.sleep(0.01)\n"

    def step(own: str, other: str, passed: int, **more: object) -> object:
        code = f"open({own!r}, 'w').close()\n".join(["", wait.format(other)])
        code += f"print('=== {passed} passed in 0.01s ===')"
        return devtests.Step(own, [sys.executable, "-c", code], is_pytest=True, mark=f"{own} | ", **more)

    monkeypatch.setattr(devtests, "steps", lambda *_: [step("a", "b", 2), step("b", "a", 3, beside=True)])
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert devtests.run_all(tmp_path, tmp_path, dict(os.environ)) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "a | === 2 passed in 0.01s ===" in lines
    assert lines[-1] == "5 passed, 0 failed"


@pytest.mark.parametrize(("fails", "code", "last"), [(1, 0, "4 passed, 0 failed"), (2, 1, "3 passed, 1 failed")])
def test_a_test_that_fails_beside_the_others_is_run_again_by_itself_and_told(
    devtests: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fails: int,
    code: int,
    last: str,
) -> None:
    """A real run of pytest: one test fails as often as it is told to."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(
        "import pathlib, pytest\n"
        "tries = pathlib.Path('tries')\n"
        "@pytest.mark.parametrize('number', range(4))\n"
        "def test_one(number):\n"
        "    before = len(tries.read_text()) if tries.exists() else 0\n"
        "    if number == 2:\n"
        "        tries.write_text('x' * (before + 1))\n"
        f"        assert before >= {fails}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", *devtests._own_memory("some"), "test_some.py"]
    monkeypatch.setattr(devtests, "steps", lambda *_: [devtests.Step("some", command, is_pytest=True)])
    assert devtests.run_all(tmp_path, tmp_path, dict(os.environ)) == code
    assert (tmp_path / "tries").read_text() == "xx"
    out = capfd.readouterr().out
    assert out.splitlines()[-1] == last
    assert ("look into it" in out) is (code == 0)


@pytest.mark.parametrize("closing", ["4 failed, 90 passed in 1.00s", "no tests ran in 0.10s", ""])
def test_many_failures_and_broken_runs_get_no_second_chance(
    devtests: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: str
) -> None:
    monkeypatch.setattr(devtests, "run_step", lambda *_: pytest.fail("was run again"))
    outcome = _outcome(devtests, "window", 1, closing)
    assert devtests.once_more(outcome, tmp_path, {}) is outcome


@pytest.mark.skipif(os.name == "nt", reason="process groups are a POSIX matter")
def test_a_hanging_step_is_ended_with_its_children_and_is_not_right(devtests: ModuleType, tmp_path: Path) -> None:
    """The child inherits the pipe and outlives an interrupt; without the group the step would never end."""
    child = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.pause()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    step = devtests.Step("hangs", [sys.executable, "-c", parent], is_pytest=True)
    outcome = devtests.run_step(step, tmp_path, dict(os.environ), limit_s=1.0)
    assert outcome.code != 0
    assert devtests.totals([outcome]) == (0, 1)


@pytest.mark.skipif(os.name == "nt", reason="an interrupt cannot be sent to one process there")
def test_a_hanging_run_still_tells_what_failed_before(
    devtests: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.pause()
except KeyboardInterrupt:
    print("=== 1 failed, 3 passed in 9.00s ===")
"""
    step = devtests.Step("hangs", [sys.executable, "-c", code], is_pytest=True)
    outcome = devtests.run_step(step, tmp_path, dict(os.environ), limit_s=4.0)
    assert outcome.code == 1
    assert devtests.totals([outcome]) == (3, 1)
    assert "is stopped" in capfd.readouterr().out


# The run without Qt


def test_qt_cannot_be_imported_with_the_plugin() -> None:
    code = """
import without_qt
without_qt.block()
for name in ("PySide6", "PySide6.QtCore", "shiboken6"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        assert "on purpose" in str(error)
    else:
        raise SystemExit(f"{name} was imported")
import json, wave
"""
    environ = {**os.environ, "PYTHONPATH": str(PACKAGING)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_plugin_refuses_a_process_that_has_qt_already() -> None:
    code = """
import sys, types
sys.modules["PySide6"] = types.ModuleType("PySide6")
import without_qt
try:
    without_qt.block()
except RuntimeError:
    raise SystemExit(7)
"""
    environ = {**os.environ, "PYTHONPATH": str(PACKAGING)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
