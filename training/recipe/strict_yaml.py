"""YAML's plain values alone (no code, as ``yaml.safe_load``), and no key twice: of two the last would win without a word."""

from __future__ import annotations

from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses a mapping with the same key twice.

    The keys are those that are written there, before ``<<`` brings in others, which may be overridden.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The mapping that begins here, its keys checked."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (key.tag, key.value) in seen:
                raise yaml.composer.ComposerError(None, None, f"the key {key.value!r} stands here twice", key.start_mark)
            seen.add((key.tag, key.value))
        return node
