"""`vidcdn-desktop`: the window without a subcommand, the headless twin with one."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Start what the arguments ask for; gives the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    window = not arguments or arguments[0] in ("--connection", "--page") or arguments[0].startswith("--connection=")
    # Only here is Qt loaded: a script on a server needs neither Qt nor a display.
    if arguments[:1] == ["demo"]:
        from vidcdn_desktop import demo

        return demo.main(arguments[1:])
    if window:
        from vidcdn_desktop import app

        return app.main(arguments)
    from vidcdn_desktop.cli.main import main as cli_main

    return cli_main(arguments)


if __name__ == "__main__":
    sys.exit(main())
