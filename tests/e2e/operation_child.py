"""The real program, but with copies in parts from 5 MiB on instead of 5 GiB, so that tests need no such object."""

from __future__ import annotations

import sys

from vidcdn_desktop.cli.main import main
from vidcdn_desktop.jobs.operations.job import OperationJob

if __name__ == "__main__":
    defaults = OperationJob.__init__.__kwdefaults__
    assert defaults is not None
    assert "largest" in defaults
    defaults["largest"] = 5 << 20
    sys.exit(main(sys.argv[1:]))
