"""The pinned Qt binding does not lose references (PySide6 6.12.0 on Python 3.11 aborts the interpreter)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_EMITS = """
from PySide6.QtCore import QObject, Signal

class Sender(QObject):
    fired = Signal(object)

got = []
sender = Sender()
sender.fired.connect(got.append)
for number in range(2000):
    sender.fired.emit(number)
assert got == list(range(2000)), len(got)
print("alive")
"""

_REFERENCES = """
import sys
from PySide6.QtCore import QObject, QTimer, Signal

class Sender(QObject):
    fired = Signal(object)

sender, timer = Sender(), QTimer()
sender.fired.connect(lambda value: None)
before = after = (0, 0)

def count():
    return sys.getrefcount(True), sys.getrefcount(None)

def work():
    for number in range(100):
        sender.fired.emit(number)
    for number in range(100):
        sender.setObjectName(str(number))
        timer.setInterval(number)

work()  # what is made once is made now
before = count()
work()
after = count()
print(after[0] - before[0], after[1] - before[1])
"""


def _child(code: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=env, check=False
    )


def test_two_thousand_signals_do_not_end_the_interpreter() -> None:
    run = _child(_EMITS)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "alive"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="True and None are immortal here: counts prove nothing")
def test_signals_and_setters_keep_the_references_of_true_and_none() -> None:
    run = _child(_REFERENCES)
    assert run.returncode == 0, run.stderr
    true, none = map(int, run.stdout.split())
    # One emit or setter that loses a reference would show as -100 or less.
    assert abs(true) < 20, run.stdout
    assert abs(none) < 20, run.stdout
