"""What the operating system has to bring: ffmpeg, the libraries Qt links to, and what some tests talk to.

On Debian and Ubuntu the missing packages are installed, after one sentence that says what and why. Elsewhere the
one command to run is printed. Nothing here makes a run fail: what stays missing is said.
Source: ldd and a real window in a fresh Debian 12; package names of Ubuntu 24.04 (the `t64` rebuild).
"""

# ruff: noqa: S603, S607 - every command here is a list of our own words; PATH says which tool the user means

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_DPKG_STATUS = Path("/var/lib/dpkg/status")
_APT_LISTS = Path("/var/lib/apt/lists")
# After an installation that did not work (no connection, say) the next starts must not wait for it again.
_TRY_AGAIN_S = 12 * 3600


@dataclass(frozen=True)
class Group:
    """Packages that serve one purpose."""

    name: str
    """Short name for messages."""
    why: str
    """What the program does with them, to follow "needed for"."""
    packages: tuple[tuple[str, ...], ...]
    """Each entry is one need: names of the same thing in different releases, the newest first."""
    tests_only: bool = False
    """True when only the test command wants them."""


GROUPS = (
    Group("ffmpeg", "reading what is in a video and taking poster frames", (("ffmpeg",),)),
    Group(
        "Qt's libraries",
        "drawing the window, on a screen or without one",
        (
            ("libglib2.0-0t64", "libglib2.0-0"),
            ("libegl1",),
            ("libgl1",),
            ("libdbus-1-3",),
            ("libfontconfig1",),
            ("libxkbcommon0",),
            ("libxcb-cursor0",),
            ("libxcb-icccm4",),
            ("libxcb-keysyms1",),
            ("libxcb-xkb1",),
            ("libxkbcommon-x11-0",),
            ("libxcb-shape0",),
            ("libwayland-cursor0",),
            ("fonts-dejavu-core",),
        ),
    ),
    Group(
        "Qt Multimedia's libraries",
        "playing the video back from the CDN, over https too",
        (("libpulse0",), ("libxrandr2",), ("libssl3t64", "libssl3")),
    ),
    Group(
        "a key store",
        "testing against a real Secret Service",
        (("gnome-keyring",), ("dbus-daemon", "dbus")),
        tests_only=True,
    ),
)


Needs = tuple[tuple[str, ...], ...]
Lack = tuple[Group, Needs]
"""A group and those of its needs that nothing installed covers."""


def say(sentence: str) -> None:
    """One line of progress, at once."""
    print(sentence, flush=True)


def has_display(platform: str, environ: Mapping[str, str]) -> bool:
    """True when a window can be shown. Only Linux and its kin can be without a display."""
    if platform in {"win32", "darwin"}:
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def missing_needs(groups: Iterable[Group], installed: frozenset[str]) -> list[Lack]:
    """The needs nothing installed covers, by group, in the order of `groups`."""
    result = []
    for group in groups:
        needs = tuple(names for names in group.packages if not any(name in installed for name in names))
        if needs:
            result.append((group, needs))
    return result


def choose(names: tuple[str, ...], candidates: frozenset[str]) -> str | None:
    """The first name this release can install, or None when it knows none of them."""
    return next((name for name in names if name in candidates), None)


def parse_installed(listing: str) -> frozenset[str]:
    """Names that are fully installed, from dpkg-query rows of package name and status."""
    rows = (line.split() for line in listing.splitlines())
    return frozenset(row[0] for row in rows if len(row) == 2 and row[1] == "installed")


def parse_candidates(policy: str) -> frozenset[str]:
    """Names from `apt-cache policy …` that can be installed."""
    found = set()
    name = ""
    for line in policy.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.add(name)
    return frozenset(found)


def _output(command: list[str]) -> str:
    """What a query printed; empty when the program is not there. A query never fails the run."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    except OSError:
        return ""
    return done.stdout


def _installed() -> frozenset[str]:
    found = parse_installed(_output(["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\\n"]))
    # An ffmpeg that came another way serves as well.
    return found | {"ffmpeg"} if shutil.which("ffmpeg") and shutil.which("ffprobe") else found


def _candidates(names: Iterable[str]) -> frozenset[str]:
    return parse_candidates(_output(["apt-cache", "policy", *names]))


def root_prefix() -> list[str] | None:
    """What to put before a command that needs the administrator: nothing, sudo, or None when there is no way."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin.isatty():
        return ["sudo"]
    asks = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode != 0
    return None if asks else ["sudo", "-n"]


def _quiet(command: list[str]) -> bool:
    """Run a command, show its words only when it failed."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=None, text=True, errors="replace", check=False
    )
    if done.returncode:
        say("\n".join("    " + line for line in done.stdout.splitlines()[-8:]))
    return done.returncode == 0


def apt_update(root: list[str]) -> None:
    """Fetch the package lists. A list that cannot be fetched is no reason to stop: the others may do."""
    say("  Fetching the lists of available packages.")
    _quiet([*root, "apt-get", "-qq", "update"])


def lists_are_empty() -> bool:
    """True on a machine where `apt-get update` never ran (a fresh container)."""
    return not (_APT_LISTS.is_dir() and any(_APT_LISTS.glob("*_Packages*")))


def apt_install(root: list[str], packages: list[str]) -> bool:
    """Install packages without their recommendations and without questions."""
    words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends", "install"]
    return _quiet([*root, *words, *packages])


def _install_groups(root: list[str], wanted: list[Lack]) -> None:
    names = [name for _, needs in wanted for need in needs for name in need]
    if lists_are_empty():
        apt_update(root)
    candidates = _candidates(names)
    chosen: list[list[str]] = []
    for group, needs in wanted:
        packages = [name for name in (choose(need, candidates) for need in needs) if name]
        if packages:
            say(f"  Installing {group.name}, needed for {group.why}: {' '.join(packages)}")
            chosen.append(packages)
    everything = [name for packages in chosen for name in packages]
    if not everything or apt_install(root, everything):
        return
    say("  That did not work; trying again with fresh lists, one group at a time.")
    apt_update(root)
    for packages in chosen:
        apt_install(root, packages)


def advice(platform: str, has_apt: bool, packages: Iterable[str]) -> str:
    """The one command that brings what is missing."""
    if platform == "darwin":
        return "brew install ffmpeg"
    if platform == "win32":
        return "winget install ffmpeg"
    if has_apt:
        return "sudo apt-get install --no-install-recommends " + " ".join(packages)
    return "your package manager: install ffmpeg and the libraries Qt 6 needs (EGL, GL, xcb-cursor, xkbcommon, pulse)"


def stamp_text(groups: Iterable[Group]) -> str:
    """Changes whenever the answer could change: another package database, another list of needs."""
    try:
        status = _DPKG_STATUS.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size} {sorted(need for group in groups for need in group.packages)}"


def _tried_lately(mark: Path, text: str) -> bool:
    """True when installing failed a short while ago and nothing has changed since."""
    try:
        return mark.read_text("utf-8") == text and time.time() - mark.stat().st_mtime < _TRY_AGAIN_S
    except OSError:
        return False


def ensure(folder: Path, for_tests: bool, tell: Callable[[str], None] = say) -> None:
    """See that the system has what the program needs; install it on Debian and Ubuntu, else say how.

    `folder` keeps the stamp that makes the second look free. Never raises for something missing.
    """
    groups = [group for group in GROUPS if for_tests or not group.tests_only]
    has_apt = sys.platform.startswith("linux") and bool(shutil.which("dpkg-query") and shutil.which("apt-get"))
    if not has_apt:
        if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
            tell("ffmpeg is missing: some facts about a video and poster frames will be missing.")
            tell(f"  To get it: {advice(sys.platform, has_apt, ())}")
        return
    stamp = folder / ("system-test.stamp" if for_tests else "system-run.stamp")
    if stamp.is_file() and stamp.read_text("utf-8") == stamp_text(groups):
        return
    wanted = missing_needs(groups, _installed())
    mark = stamp.with_suffix(".tried")
    folder.mkdir(parents=True, exist_ok=True)
    root = root_prefix() if wanted and not _tried_lately(mark, stamp_text(groups)) else None
    if root is not None:
        tell("This computer lacks some system packages.")
        _install_groups(root, wanted)
        wanted = missing_needs(groups, _installed())
        mark.write_text(stamp_text(groups), "utf-8")
    for group, needs in wanted:
        tell(f"Missing: {group.name} ({' '.join(names[-1] for names in needs)}), needed for {group.why}.")
    if wanted:
        names = [name for _, needs in wanted for name in (need[-1] for need in needs)]
        tell(f"  Going on without. To get them: {advice(sys.platform, has_apt, names)}")
        return
    stamp.write_text(stamp_text(groups), "utf-8")
