"""The settings of a node: a YAML file, over it the environment (``WETREAD_NODE__PORT=11113``), under both the defaults.

Everything is frozen and checked once, before anything starts. Relative paths count from the working directory. Rules are
absent on purpose: ``node.route.rules`` reads them.
"""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from node.yaml_file import Location, YamlFile, dotted, parse_yaml, read_yaml
from storage.base.errors import ConfigError

PREFIX = "WETREAD_"
SHIPPED_MODELS = "inference/bundles"
# Their values may hold a password: a complaint never repeats them.
_UNQUOTED = {"database", "blobs"}


def _ae_title(text: str) -> str:
    """PS3.5 6.2, VR AE: at most 16 characters of the default repertoire, no backslash, not spaces alone."""
    text = text.strip(" ")
    if not 1 <= len(text) <= 16 or not all(" " <= c <= "~" and c != "\\" for c in text):
        raise ValueError("write 1 to 16 printable ASCII characters without a backslash")
    return text


def _database(url: str) -> str:
    if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("write sqlite:///PATH or postgresql://USER@HOST/NAME")
    return url


AETitle = Annotated[str, AfterValidator(_ae_title)]
Host = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]+$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=30 * 86400)]
Modality = Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,16}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NodeSettings(_Part):
    """Our own DICOM application entity. ``calling``: AE titles that may send besides the peers."""

    ae_title: AETitle = "WETREAD"
    host: Host = "127.0.0.1"
    port: Port = 11112
    require_called_ae_title: bool = True
    max_associations: int = Field(default=50, ge=1, le=10_000)
    calling: tuple[AETitle, ...] = ()


class WebSettings(_Part):
    """Where the pages are served."""

    host: Host = "127.0.0.1"
    port: Port = 8080


class StoreSettings(_Part):
    """Where rows, blobs and the spool live. ``blobs`` is a folder or an s3:// address; the spool is a local folder.

    ``minimum_free_mb`` MiB must stay free at the spool, else senders are answered "out of resources".
    """

    database: Annotated[str, AfterValidator(_database)] = "sqlite:///wetread-data/wetread.db"
    blobs: str = Field(default="wetread-data/blobs", min_length=1)
    spool: Path = Path("wetread-data/spool")
    minimum_free_mb: int = Field(default=512, ge=0)


class CompletionSettings(_Part):
    """Seconds without an arrival after which a study counts as complete: by modality, else ``default_quiet_s``."""

    default_quiet_s: Seconds = 60.0
    quiet_s: dict[Modality, Seconds] = {}


class DispatchSettings(_Part):
    """``workers`` model hosts at once, each with ``threads`` threads; a job is dead after ``infra_failure_limit`` losses."""

    workers: int = Field(default=1, ge=1, le=64)
    lease_s: Seconds = 15.0
    infra_failure_limit: int = Field(default=5, ge=1)
    threads: int = Field(default=2, ge=1, le=256)


class DeliverSettings(_Part):
    """Back-off between attempts: from ``retry_base_s``, doubling, to ``retry_cap_s``; failed after ``give_up_after_h`` hours."""

    retry_base_s: Seconds = 5.0
    retry_cap_s: Seconds = 3600.0
    give_up_after_h: float = Field(default=72.0, gt=0)


class Peer(_Part):
    """Another application entity. ``receive_from``: it may send to us; ``send_to``: rules may deliver to it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    ae_title: AETitle
    host: Host
    port: Port
    receive_from: bool = True
    send_to: bool = True
    timeout_s: Seconds = 30.0


def _named_once(peers: tuple[Peer, ...]) -> tuple[Peer, ...]:
    seen: dict[str, int] = {}
    for index, peer in enumerate(peers):
        if peer.name in seen:
            raise ValueError(f"entries {seen[peer.name]} and {index} are both named {peer.name}; give each its own name")
        seen[peer.name] = index
    return peers


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
        """AE titles that may open an association with us."""
        return frozenset(self.node.calling) | {peer.ae_title for peer in self.peers if peer.receive_from}

    def model_folders(self) -> tuple[Path, ...]:
        """The folders of ``models``; ``inference/bundles`` means the shipped ones where no such path exists.

        Raises
        ------
        ConfigError
            A folder does not exist.
        """
        return tuple(_model_folder(text) for text in self.models)


def load_settings(path: Path | None) -> Settings:
    """Settings of a file, or the built-in defaults where ``path`` is None; the environment goes over both.

    Raises
    ------
    ConfigError
        ``FILE:LINE: key: what is wrong; the mend``, or the environment variable in place of file and key.
    """
    source = parse_yaml("", Path("(built-in defaults)")) if path is None else read_yaml(path)
    if not isinstance(source.data, dict):
        raise ConfigError(f"{source.path}: holds no mapping; begin with a key such as `node:`")
    environment = _environment()
    try:
        return Settings(**{str(key): value for key, value in source.data.items()})
    except ValidationError as error:
        raise ConfigError(_complaint(error.errors()[0], source, environment)) from error


def _environment() -> dict[str, Any]:
    """What the environment sets, after a look for misspelt names."""
    source = EnvSettingsSource(Settings)
    known = list(Settings.model_fields)
    for name in source.env_vars:
        if not name.upper().startswith(PREFIX):
            continue
        top, *below = name[len(PREFIX) :].lower().split("__")
        if top not in known and (below or difflib.get_close_matches(top, known, cutoff=0.85)):
            raise ConfigError(f"environment: {name.upper()}: sets no known key; {_nearest(top, known)}")
    try:
        return source()
    except SettingsError as error:
        field = str(error).split('"')[1] if '"' in str(error) else "…"
        raise ConfigError(f"environment: {PREFIX}{field.upper()}: is not JSON; write lists and mappings as JSON") from error


def _complaint(error: ErrorDetails, source: YamlFile, environment: dict[str, Any]) -> str:
    location: Location = error["loc"]
    if _holds(environment, location):
        return f"environment: {PREFIX}{'__'.join(str(part) for part in location).upper()}: {_what(error)}"
    return f"{source.place(location)}: {dotted(location)}: {_what(error)}"


def _what(error: ErrorDetails) -> str:
    location, value = error["loc"], error["input"]
    if error["type"] == "extra_forbidden":
        return f"unknown key; {_nearest(str(location[-1]), _keys_beside(location))}"
    if error["type"] == "missing":
        return "is missing; add it"
    message = str(error.get("ctx", {}).get("error") or error["msg"])
    if isinstance(value, str | int | float | bool | None) and not _UNQUOTED & set(location):
        return f"{value!r} can't be used; {message[:1].lower()}{message[1:]}"
    return message


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


def _keys_beside(location: Location) -> list[str]:
    """The keys that the model at this place knows."""
    model: Any = Settings
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = Peer if part == "peers" else model.model_fields[part].annotation
    return list(model.model_fields)


def _holds(data: Any, location: Location) -> bool:
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _model_folder(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        return path
    # Found, not imported: the node knows no more of inference than its protocol and manifest.
    spec = importlib.util.find_spec("inference")
    if text.rstrip("/") == SHIPPED_MODELS and spec is not None and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "bundles"
    raise ConfigError(f"models: {path} is no folder; name a folder that holds model packages")
