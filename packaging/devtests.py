"""The test command's steps, one after the other, and one summary at the end."""

# ruff: noqa: S603 - every command here is a list of our own words; PATH says which tool the user means

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from devsystem import say

# Longer than any healthy step by far. Both test runs together must end within the 25 minutes a build may take.
_LIMIT_S = 1350.0
_LAST_WORDS_S = 10.0
_MOST_AGAIN = 3
"""Failed tests that are run once more by themselves. More of them are no accident of a busy machine."""
_WINDOWS = "tests/e2e/test_window_*.py"
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
_CLOSING = re.compile(
    r"^(=+ )?(?=.*\b(passed|failed|errors?|skipped|no tests ran)\b).* in [\d.]+s( \([\d:]+\))?( =+)?$"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Step:
    """One program to run."""

    name: str
    """What the summary calls it."""
    command: list[str]
    """Argument list; the first is the program."""
    environ: dict[str, str] = field(default_factory=dict)
    """Added to the environment."""
    is_pytest: bool = False
    """True when it ends with pytest's closing line."""
    mark: str = ""
    """Before each of its lines, where steps run side by side."""
    beside: bool = False
    """Runs beside the step before it, where there is more than one core."""


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    step: Step
    """What was run."""
    code: int
    """Exit code; negative for a signal."""
    seconds: float
    """How long it took."""
    closing: str = ""
    """pytest's last line, without its rules; empty when it never came."""
    again: str = ""
    """The last line of what failed at first and was run again by itself; set only where that passed."""


def closing_line(output: list[str]) -> str:
    """The closing line of pytest, without rules and colours; empty when the run broke off before it."""
    for line in reversed(output):
        plain = _COLOUR.sub("", line).strip()
        if _CLOSING.match(plain):
            return plain.strip("= ")
    return ""


def counts(closing: str) -> dict[str, int]:
    """Passed, failed (errors included) and skipped tests of a closing line."""
    result = {"passed": 0, "failed": 0, "skipped": 0}
    for number, word in _COUNT.findall(closing):
        name = {"error": "failed", "errors": "failed", "xpassed": "failed", "xfailed": "skipped"}.get(word, word)
        result[name] += int(number)
    return result


def totals(outcomes: list[Outcome]) -> tuple[int, int]:
    """Passed and failed over all pytest runs. A run that broke off counts as one failed: it must not look green."""
    passed = failed = 0
    for outcome in outcomes:
        if not outcome.step.is_pytest:
            continue
        got = counts(outcome.closing)
        passed += got["passed"]
        if outcome.again:
            passed += counts(outcome.again)["passed"]
            continue
        failed += got["failed"] if got["failed"] or outcome.code == 0 else 1
    return passed, failed


def summary(outcomes: list[Outcome]) -> list[str]:
    """The lines at the end; the last one is always "N passed, N failed"."""
    lines = ["", "Summary"]
    for outcome in outcomes:
        told = outcome.closing if outcome.step.is_pytest else f"{outcome.seconds:.1f} s"
        if outcome.code and not outcome.closing and outcome.step.is_pytest:
            told = f"broke off (exit code {outcome.code})"
        if outcome.again:
            told += f"; what failed passed when it was run again by itself ({outcome.again}): look into it"
        lines.append(f"  {'ok    ' if outcome.code == 0 else 'FAILED'}  {outcome.step.name:<28} {told}")
    bad = [outcome.step.name for outcome in outcomes if outcome.code]
    if bad:
        lines.append(f"  Not right: {', '.join(bad)}")
    lines.append("{} passed, {} failed".format(*totals(outcomes)))
    return lines


def _own_memory(name: str) -> list[str]:
    """Side by side, each run remembers by itself what failed."""
    return ["-o", f"cache_dir=.pytest_cache/{name}"]


def steps(python: Path, root: Path) -> list[Step]:
    """All checks, cheapest first."""
    bin_dir = python.parent
    module = [str(python), "-m"]
    return [
        # No cache: it is kept by file, and whether an import is one of ours depends on which other files there are.
        Step("ruff check", [*module, "ruff", "check", "--no-cache", "."]),
        Step("ruff format", [*module, "ruff", "format", "--check", "."]),
        Step("import contracts", [str(bin_dir / "lint-imports"), "--no-logo"]),
        Step("mypy", [*module, "mypy"]),
        Step(
            "core, Qt not importable",
            [*module, "pytest", *_own_memory("core"), "-p", "without_qt", "-p", "no:pytest-qt", "tests/core"],
            {"PYTHONPATH": str(root / "packaging")},
            is_pytest=True,
            mark="core   | ",
        ),
        # Most of them mostly wait, for servers and for windows: side by side they take little longer than one of them.
        Step(
            "window, and commands",
            [*module, "pytest", *_own_memory("window"), "tests/gui", "tests/e2e", f"--ignore-glob={_WINDOWS}"],
            is_pytest=True,
            mark="window | ",
            beside=True,
        ),
        *(
            Step(
                f"whole programs, {'even' if which == 0 else 'odd'}",
                # Windows of whole programs stay until the process ends, and each slows every change of the look:
                # so not all of them in one process.
                [*module, "pytest", *_own_memory(f"whole{which}"), *sorted(map(str, root.glob(_WINDOWS)))[which::2]],
                is_pytest=True,
                mark=f"whole{which} | ",
                beside=True,
            )
            for which in (0, 1)
        ),
    ]


def _end(process: subprocess.Popen[str], with_words: bool) -> None:
    """End a step and what it started. An interrupt first: pytest then still shows what failed before it hung."""
    if os.name == "nt":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        if with_words:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORDS_S)
        os.killpg(process.pid, signal.SIGKILL)


def _show(stream: IO[str], output: list[str], mark: str) -> None:
    """Pass a step's output on as it comes."""
    with stream:
        for line in stream:
            output.append(line)
            sys.stdout.write(mark + line)
            sys.stdout.flush()


_running: set[subprocess.Popen[str]] = set()
"""Steps that have not ended, for when the command is broken off."""


def run_step(step: Step, root: Path, environ: dict[str, str], limit_s: float = _LIMIT_S) -> Outcome:
    """Run one step, show its output as it comes, and keep what the summary needs."""
    say(f"\n--- {step.name}")
    begun = time.monotonic()
    process = subprocess.Popen(
        step.command,
        cwd=root,
        env=environ | step.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        # A group of its own, so that a step that hangs goes with all its children.
        start_new_session=os.name != "nt",
    )
    _running.add(process)
    assert process.stdout is not None
    output: list[str] = []
    # Read beside waiting: a stray child may hold the pipe open long after the step itself has ended.
    reader = threading.Thread(target=_show, args=(process.stdout, output, step.mark), name="step-output", daemon=True)
    reader.start()
    stopped = False
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        stopped = True
        say(f"\nThis step took longer than {limit_s / 60:.0f} minutes and is stopped.")
        _end(process, with_words=True)
    except BaseException:
        _end(process, with_words=False)
        raise
    finally:
        process.wait()
        _running.discard(process)
        reader.join(_LAST_WORDS_S)
    # Stopped is never right, whatever code it ended with.
    code = process.returncode or (1 if stopped else 0)
    return Outcome(step, code, time.monotonic() - begun, closing_line(output) if step.is_pytest else "")


def _cores() -> int:
    return os.cpu_count() or 1


def _rows(steps_: list[Step], cores: int) -> list[list[Step]]:
    """The steps in order; those of one row run side by side, as many at a time as there are cores."""
    rows: list[list[Step]] = []
    for step in steps_:
        if step.beside and rows and cores > 1:
            rows[-1].append(step)
        else:
            rows.append([step])
    return rows


def once_more(outcome: Outcome, root: Path, environ: dict[str, str]) -> Outcome:
    """The same outcome, unless it was a few failed tests that pass when nothing runs beside them.

    Many tests here are about servers, clocks and windows, and both runs share the machine. Such a test is not hidden:
    the summary tells of it.
    """
    failed = counts(outcome.closing)["failed"]
    # 1: tests failed. Anything else is a run that broke off, was stopped, or never began.
    if not outcome.step.is_pytest or outcome.code != 1 or not 0 < failed <= _MOST_AGAIN:
        return outcome
    step = outcome.step
    again = replace(step, name=f"{step.name}: what failed, again", command=[*step.command, "--lf", "--lfnf=none"])
    second = run_step(again, root, environ)
    got = counts(second.closing)
    if second.code or got["failed"] or got["passed"] != failed:
        return outcome
    return replace(outcome, code=0, again=second.closing)


def run_all(python: Path, root: Path, environ: dict[str, str]) -> int:
    """Run every step, also after a failed one; 0 when all are right."""
    outcomes: list[Outcome] = []
    for row in _rows(steps(python, root), _cores()):
        with ThreadPoolExecutor(min(len(row), _cores())) as pool:
            waiting = [pool.submit(run_step, step, root, environ) for step in row]
            try:
                outcomes += [future.result() for future in waiting]
            except BaseException:
                for process in list(_running):
                    _end(process, with_words=False)
                raise
    outcomes = [once_more(outcome, root, environ) for outcome in outcomes]
    say("\n".join(summary(outcomes)))
    return 1 if any(outcome.code for outcome in outcomes) else 0
