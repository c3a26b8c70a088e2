#!/usr/bin/env python3
"""The two commands: `python3 packaging/dev.py run [ARGS…]` and `python3 packaging/dev.py test [ARGS…]`.

    run [ARGS…]    make the environment if it is not there, then start the program with ARGS; without ARGS the window
                   on the practice cloud, or the same headless where there is no display
    test [ARGS…]   all checks and all tests; with ARGS one pytest run with those arguments
    setup          only make the environment

Needs Python 3.11 to 3.14 and nothing else. This file must stay readable for older Pythons, so that they get a
sentence and not a syntax error.
"""

# ruff: noqa: S603, S606 - every command here is a list of our own words, or what the user typed for our program

import io
import os
import shutil
import subprocess
import sys

MINIMUM, BEYOND = (3, 11), (3, 15)


def other_python() -> "str | None":
    """A suitable Python on this computer when the one that runs us is not; None without one."""
    for minor in range(BEYOND[1] - 1, MINIMUM[1] - 1, -1):
        name = shutil.which(f"python3.{minor}")
        # Asked, not trusted: a version manager's shim may stand for a Python that is not there.
        if name and subprocess.call([name, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return name
    return None


def require_python() -> None:
    """Go on with a suitable Python, or stop with a plain sentence."""
    if MINIMUM <= sys.version_info[:2] < BEYOND:
        return
    found = other_python()
    if found:
        sys.exit(subprocess.call([found, __file__, *sys.argv[1:]]))
    have = "{}.{}".format(*sys.version_info)
    sys.exit("VidCDN Desktop needs Python 3.11 to 3.14 and this is " + have + ". Install one and start again with it.")


def start(command: "list[str]", environ: "dict[str, str]") -> None:
    """Become the program, so that signals and the exit code are its own. Never returns."""
    sys.stdout.flush()
    if os.name == "nt":
        sys.exit(subprocess.call(command, env=environ))
    os.execve(command[0], command, environ)


def program_arguments(arguments: "list[str]", display: bool) -> "list[str]":
    """What `run` hands to the program."""
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if arguments:
        return list(arguments)
    return ["--connection", "practice"] if display else ["demo"]


def run(arguments: "list[str]") -> int:
    """Start the program. The first start installs, later ones only look at stamps."""
    import devenv
    import devsystem

    devsystem.ensure(devenv.dev_dir(), for_tests=False)
    python = devenv.ensure(devenv.RUN)
    display = devsystem.has_display(sys.platform, os.environ)
    if not arguments and not display:
        devsystem.say("There is no display here, so the sample clip is published without a window.")
    # -P: a file of the user's in the current folder must not stand in for a module.
    command = [str(python), "-P", "-m", "vidcdn_desktop"]
    start(command + program_arguments(arguments, display), devenv.clean_environ())
    return 0


def test(arguments: "list[str]") -> int:
    """Run all checks, or one pytest run with the given arguments; returns the exit code."""
    import devenv
    import devsystem
    import devtests

    devsystem.ensure(devenv.dev_dir(), for_tests=True)
    python = devenv.ensure(devenv.TEST)
    environ = devenv.clean_environ()
    environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    environ.setdefault("PYTHONIOENCODING", "utf-8")
    swift = devenv.ensure_swift()
    if swift:
        environ["VIDCDN_SWIFT_BIN"] = str(swift)
    if arguments:
        return subprocess.call([str(python), "-m", "pytest", *arguments], cwd=devenv.ROOT, env=environ)
    return devtests.run_all(python, devenv.ROOT, environ)


def setup(arguments: "list[str]") -> int:
    """Make the environment and nothing else; returns the exit code."""
    import devenv
    import devsystem

    if arguments:
        sys.exit("setup takes no arguments.")
    devsystem.ensure(devenv.dev_dir(), for_tests=False)
    devsystem.say("Ready: " + str(devenv.ensure(devenv.RUN)))
    return 0


def main(arguments: "list[str]") -> int:
    """Do what the first word says; returns the exit code."""
    commands = {"run": run, "test": test, "setup": setup}
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    import devenv

    # A terminal without our characters gets a question mark and not a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        return commands[arguments[0]](arguments[1:])
    except devenv.SetupFailed as error:
        sys.stdout.flush()
        sys.exit(str(error))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    require_python()
    sys.exit(main(sys.argv[1:]))
