"""`python -m tests.fault.fuzz --minutes 10 --seed 1 --target fast`: mutation fuzzing of a real receiver.

Exit status 1: it found something. A case is made of seed and number alone: `--first NUMBER --cases 1` runs one again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.fault.fuzz.run import fuzz


def main() -> int:
    """Run and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.fuzz")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=("fast", "stock"), default="fast")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--cases", type=int, default=None, help="how many at most; 1 with --first replays one")
    parser.add_argument("--keep", type=Path, default=None, help="keep spool and log in this folder")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="fuzz-"))
    summary = fuzz(folder, given.seed, given.minutes * 60, given.target, given.first, given.cases)
    sys.stdout.write(f"target {given.target}, seed {given.seed}: {summary.text()}\n")
    if given.keep is None and not summary.findings:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"spool and log: {folder}\n")
    return 1 if summary.findings else 0


if __name__ == "__main__":
    sys.exit(main())
