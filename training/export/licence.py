"""The LICENSE file of a package: which licences, where their texts stand, who is to be named."""

from __future__ import annotations

from inference.manifest import Manifest
from storage.base.errors import ConfigError

_CC = "https://creativecommons.org/licenses"
_TEXTS = {
    "Apache-2.0": ("Apache License, Version 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    "BSD-2-Clause": ("BSD 2-Clause License", "https://opensource.org/license/bsd-2-clause"),
    "BSD-3-Clause": ("BSD 3-Clause License", "https://opensource.org/license/bsd-3-clause"),
    "CC-BY-3.0": ("Creative Commons Attribution 3.0 Unported", f"{_CC}/by/3.0/legalcode"),
    "CC-BY-4.0": ("Creative Commons Attribution 4.0 International", f"{_CC}/by/4.0/legalcode"),
    "CC-BY-NC-4.0": ("Creative Commons Attribution-NonCommercial 4.0 International", f"{_CC}/by-nc/4.0/legalcode"),
    "CC-BY-NC-SA-4.0": (
        "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
        f"{_CC}/by-nc-sa/4.0/legalcode",
    ),
    "CC-BY-SA-3.0": ("Creative Commons Attribution-ShareAlike 3.0 Unported", f"{_CC}/by-sa/3.0/legalcode"),
    "CC-BY-SA-4.0": ("Creative Commons Attribution-ShareAlike 4.0 International", f"{_CC}/by-sa/4.0/legalcode"),
    "CC0-1.0": ("Creative Commons Zero 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/legalcode"),
    "MIT": ("MIT License", "https://opensource.org/license/mit"),
}


def licence_text(manifest: Manifest) -> str:
    """The file's text for a package.

    Raises
    ------
    ConfigError
        Code ``licence-unknown``: the exporter doesn't know a licence that is named, nor is it a ``LicenseRef-`` of the
        author's own, whose text the attribution has to give or point to.
    """
    ours = _named("package.licence", manifest.licence)
    if manifest.licence == manifest.weights_licence:
        lines = ["This model package, weights and configuration, is licensed under the", *ours]
    else:
        weights = _named("package.weights_licence", manifest.weights_licence)
        lines = ["The configuration of this model package is licensed under the", *ours, ""]
        lines += ["and its weights (models/) are licensed under the", *weights]
    attribution = f"\n{manifest.attribution.strip()}\n" if manifest.attribution.strip() else ""
    warranty = 'The package is provided "as is", without warranty of any kind. It is not a medical device.\n'
    return "\n".join([*lines, attribution, warranty])


def _named(key: str, expression: str) -> list[str]:
    """A line of name and identifier and a line with the text's place, for each licence of an expression joined by AND."""
    lines: list[str] = []
    for licence in expression.split(" AND "):
        if licence.startswith("LicenseRef-"):
            lines.append(f"terms of its author's own (SPDX: {licence}), see below")
            continue
        if licence not in _TEXTS:
            known = ", ".join(sorted(_TEXTS))
            raise ConfigError(f"{key}: {licence!r} is unknown; use one of {known} or a LicenseRef-", code="licence-unknown")
        name, address = _TEXTS[licence]
        lines += [f"{name} (SPDX: {licence}).", f"The text of the licence: {address}"]
    return lines
