from __future__ import annotations

import pytest

from storage.base.errors import ConfigError
from training.transfer import combined


@pytest.mark.parametrize(
    ("ours", "source", "both"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", "CC-BY-4.0"),
        ("CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-4.0"),  # a share-alike source makes the package share-alike
        ("CC-BY-SA-4.0", "Apache-2.0", "CC-BY-SA-4.0"),
        ("CC-BY-4.0", "MIT", "CC-BY-4.0 AND MIT"),
        ("CC-BY-4.0 AND MIT", "Apache-2.0", "CC-BY-4.0 AND MIT AND Apache-2.0"),
        ("CC-BY-4.0 AND MIT", "CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("CC0-1.0", "MIT", "MIT"),
        ("MIT", "CC0-1.0", "MIT"),
        ("CC-BY-3.0", "CC-BY-4.0", "CC-BY-4.0"),
        ("CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-4.0 AND CC-BY-NC-4.0"),
        ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"),
    ],
)
def test_terms_of_weights_that_began_as_others(ours: str, source: str, both: str) -> None:
    assert combined(ours, source) == both


@pytest.mark.parametrize(("ours", "source"), [("CC-BY-SA-4.0", "CC-BY-NC-4.0"), ("CC-BY-NC-4.0", "CC-BY-SA-4.0")])
def test_terms_that_exclude_each_other_are_refused(ours: str, source: str) -> None:
    with pytest.raises(ConfigError, match="can't be passed on under"):
        combined(ours, source)


@pytest.mark.parametrize(("ours", "source", "key"), [(" ", "MIT", "weights_licence"), ("MIT", "", r"transfer\.licence")])
def test_blank_terms_are_refused(ours: str, source: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: is blank"):
        combined(ours, source)
