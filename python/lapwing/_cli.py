"""The command ``lapwing``, as the wheel installs it: the same program as the one that
``cargo install`` builds."""

from __future__ import annotations

import signal
import sys

from lapwing import _lapwing


def main() -> int:
    """Run the program with the arguments of this process and return its exit code."""
    # The interpreter only takes note of Ctrl-C, which would wait for the end of the program; a
    # program is ended by it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _lapwing.main(["lapwing", *sys.argv[1:]])
