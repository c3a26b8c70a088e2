"""`vidcdn-desktop`: the window without a subcommand, the headless twin with one."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Start what the arguments ask for; gives the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    words = [word for word in arguments if not word.startswith("-")]
    window = not arguments or arguments[0] in ("--connection", "--page") or arguments[0].startswith("--connection=")
    if window or words[:1] == ["demo"]:
        # Only here is Qt loaded: a script on a server needs neither Qt nor a display.
        from vidcdn_desktop import app

        return app.main(arguments)
    from vidcdn_desktop.cli.main import main as cli_main

    return cli_main(arguments)


if __name__ == "__main__":
    sys.exit(main())
