"""`wetread passcode`: a passcode for the settings, as the hash that is kept of it."""

from __future__ import annotations

import getpass
import sys

from node.commands.console import clear_errors
from node.receive.associate.user_identity import hash_passcode
from storage.base.errors import WetreadError


@clear_errors
def passcode() -> None:
    """Hash a passcode, read from standard input or asked for, for `sources[].users[].passcode` of the settings."""
    typed = getpass.getpass("Passcode: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise WetreadError("no passcode was given; write it on one line of standard input")
    sys.stdout.write(f"{hash_passcode(typed.encode())}\n")
