"""All settings of a node as one frozen model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from node.settings.network import NodeSettings, Peer, ReceiveSettings, SourceSettings, TlsSettings
from node.settings.words import DatabaseUrl, Host, Modality, Part, Port, Seconds
from storage.base.errors import ConfigError

PREFIX = "WETREAD_"
SHIPPED_MODELS = "inference/bundles"
Named = TypeVar("Named", Peer, SourceSettings)


class WebSettings(Part):
    """Where the pages are served."""

    host: Host = "127.0.0.1"
    port: Port = 8080


class StoreSettings(Part):
    """Where rows, blobs and the spool live. ``blobs`` is a folder or an s3:// address; the spool is a local folder.

    ``models`` is the folder that `wetread models add` copies packages into; None: the folder ``models`` beside the spool.
    ``minimum_free_mb`` MiB must stay free at the spool, else senders are answered "out of resources".
    """

    database: DatabaseUrl = "sqlite:///wetread-data/wetread.db"
    blobs: str = Field(default="wetread-data/blobs", min_length=1)
    spool: Path = Path("wetread-data/spool")
    models: Path | None = None
    minimum_free_mb: int = Field(default=512, ge=0)


class CompletionSettings(Part):
    """Seconds without an arrival after which a study counts as complete: by modality, else ``default_quiet_s``."""

    default_quiet_s: Seconds = 60.0
    quiet_s: dict[Modality, Seconds] = Field(default={})


class DispatchSettings(Part):
    """``workers`` model hosts at once, each with ``threads`` threads; a job is dead after ``infra_failure_limit`` losses."""

    workers: int = Field(default=1, ge=1, le=64)
    lease_s: Seconds = 15.0
    infra_failure_limit: int = Field(default=5, ge=1)
    threads: int = Field(default=2, ge=1, le=256)


class DeliverSettings(Part):
    """Back-off between attempts: from ``retry_base_s``, doubling, to ``retry_cap_s``; failed after ``give_up_after_h`` hours."""

    retry_base_s: Seconds = 5.0
    retry_cap_s: Seconds = 3600.0
    give_up_after_h: float = Field(default=72.0, gt=0)


def _named_once(entries: tuple[Named, ...]) -> tuple[Named, ...]:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if entry.name in seen:
            raise ValueError(f"entries {seen[entry.name]} and {index} are both named {entry.name}; give each its own name")
        seen[entry.name] = index
    return entries


class Settings(BaseSettings):
    """All settings; built by `load_settings`, which turns every complaint into a ConfigError."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    node: NodeSettings = NodeSettings()
    web: WebSettings = WebSettings()
    store: StoreSettings = StoreSettings()
    rules: Path = Path("config/rules.yaml")
    models: tuple[str, ...] = (SHIPPED_MODELS,)
    completion: CompletionSettings = CompletionSettings()
    dispatch: DispatchSettings = DispatchSettings()
    deliver: DeliverSettings = DeliverSettings()
    receive: ReceiveSettings = ReceiveSettings()
    tls: TlsSettings | None = None
    sources: Annotated[tuple[SourceSettings, ...], AfterValidator(_named_once)] = ()
    peers: Annotated[tuple[Peer, ...], AfterValidator(_named_once)] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    def known_calling_ae_titles(self) -> frozenset[str]:
        """AE titles that may open an association with us without an entry of their own under ``sources``."""
        return frozenset(self.node.calling) | {peer.ae_title for peer in self.peers if peer.receive_from}

    def model_folders(self) -> tuple[Path, ...]:
        """The folders of ``models``; ``inference/bundles`` means the shipped ones where no such path exists.

        Raises
        ------
        ConfigError
            A folder does not exist.
        """
        return tuple(_model_folder(text) for text in self.models)

    @property
    def own_models(self) -> Path:
        """The folder of packages that were added by command; it may not exist yet."""
        return self.store.models or self.store.spool.parent / "models"


def _model_folder(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        return path
    # Found, not imported: the node knows no more of inference than its protocol and manifest.
    spec = importlib.util.find_spec("inference")
    if text.rstrip("/") == SHIPPED_MODELS and spec is not None and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "bundles"
    raise ConfigError(f"models: {path} is no folder; name a folder that holds model packages")
