"""`python -m node.receive [--config FILE] [--child]`: the receiver role in a process that carries nothing it doesn't need."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from storage.base.clock import SystemClock
from storage.base.errors import WetreadError
from storage.base.log import configure_logging


def main() -> int:
    """Run until SIGTERM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m node.receive")
    parser.add_argument("--config", type=Path, default=None)
    parser.add_argument("--child", action="store_true", help="stop when standard input closes")
    given = parser.parse_args()
    configure_logging()
    # pydicom would load it for pixels, which no receiver decodes; and it starts threads, with which no process may fork.
    sys.modules["numpy"] = None  # type: ignore[assignment]
    from node.receive.process import run_receiver

    try:
        run_receiver(given.config, SystemClock(), 0 if given.child else None)
    except WetreadError as error:
        sys.stderr.write(f"wetread: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
