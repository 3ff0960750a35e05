"""The settings of a node: a YAML file, over it the environment (``WETREAD_NODE__PORT=11113``), under both the defaults.

Everything is frozen and checked once, before anything starts. Relative paths count from the working directory. Rules are
absent on purpose: ``node.route.rules`` reads them.
"""

from node.settings.load import load_settings
from node.settings.model import (
    PREFIX,
    CompletionSettings,
    DeliverSettings,
    DispatchSettings,
    Settings,
    StoreSettings,
    WebSettings,
)
from node.settings.network import NodeSettings, Peer, PeerTls, ReceiveSettings, SourceSettings, TlsSettings, User

__all__ = [
    "PREFIX",
    "CompletionSettings",
    "DeliverSettings",
    "DispatchSettings",
    "NodeSettings",
    "Peer",
    "PeerTls",
    "ReceiveSettings",
    "Settings",
    "SourceSettings",
    "StoreSettings",
    "TlsSettings",
    "User",
    "WebSettings",
    "load_settings",
]
