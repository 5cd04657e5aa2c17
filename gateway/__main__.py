"""``python -m gateway``."""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        # Before imports, which take their time: whoever starts reads everything anyway.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    from gateway.cli import main

    sys.exit(main())
