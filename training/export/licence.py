"""The LICENSE file of a package: which licence, where its text stands, who is to be named."""

from __future__ import annotations

from storage.base.errors import ConfigError

_TEXTS = {
    "Apache-2.0": ("Apache License, Version 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "CC-BY-SA-4.0": (
        "Creative Commons Attribution-ShareAlike 4.0 International",
        "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
    ),
    "CC-BY-4.0": ("Creative Commons Attribution 4.0 International", "https://creativecommons.org/licenses/by/4.0/legalcode"),
}


def licence_text(licence: str, attribution: str) -> str:
    """The file's text for an SPDX identifier.

    Raises
    ------
    ConfigError
        Code ``licence-unknown``: the exporter knows no such licence.
    """
    if licence not in _TEXTS:
        raise ConfigError(
            f"package.licence: {licence!r} is unknown; use one of {', '.join(sorted(_TEXTS))}", code="licence-unknown"
        )
    name, address = _TEXTS[licence]
    return (
        f"This model package, weights and configuration, is licensed under the\n{name} (SPDX: {licence}).\n\n"
        f"The text of the licence: {address}\n\n{attribution}\n\n"
        'The package is provided "as is", without warranty of any kind. It is not a medical device.\n'
    )
