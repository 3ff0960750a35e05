"""From a YAML file and the environment to checked settings; every complaint names its place and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from node.settings.model import PREFIX, Settings
from node.settings.network import Peer, TlsSettings
from node.yaml_file import Location, YamlFile, dotted, parse_yaml, read_yaml
from storage.base.errors import ConfigError

# Their values may hold a password: a complaint never repeats them.
_UNQUOTED = {"database", "blobs", "passcode"}


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
        settings = Settings(**{str(key): value for key, value in source.data.items()})
    except ValidationError as error:
        found = error.errors()[0]
        raise ConfigError(f"{_place(found['loc'], source, environment)}: {_what(found)}") from error
    for location, problem in _contradictions(settings):
        raise ConfigError(f"{_place(location, source, environment)}: {problem}")
    return settings.model_copy(update={"peers": tuple(_with_our_files(peer, settings.tls) for peer in settings.peers)})


def _contradictions(settings: Settings) -> Iterator[tuple[Location, str]]:
    """What no key says wrong by itself."""
    tls = settings.tls
    asks = tls.client_certificates if tls is not None and tls.port is not None else "none"
    if tls is not None and tls.only and tls.port is None:
        yield ("tls", "only"), "without tls.port nothing would listen; give tls.port or leave only out"
    if tls is not None and tls.port == settings.node.port and not tls.only:
        yield ("tls", "port"), "is node.port too; give each its own"
    if tls is not None and tls.ca is None and asks != "none":
        yield ("tls", "ca"), "is missing; name the authorities of your senders' certificates"
    for index, source in enumerate(settings.sources):
        if not (source.calling or source.networks or source.certificate):
            yield ("sources", index), "would admit anybody; name calling, from or certificate"
        if source.certificate and asks == "none":
            yield ("sources", index, "certificate"), "no port asks for certificates; set tls.port and tls.client_certificates"
        if source.tls and (tls is None or tls.port is None):
            yield ("sources", index, "tls"), "no port speaks TLS; set tls.port"
    for index, peer in enumerate(settings.peers):
        if peer.tls is not None and peer.tls.ca is None and (tls is None or tls.ca is None):
            yield ("peers", index, "tls"), "no authority is named; add ca, here or under tls"


def _with_our_files(peer: Peer, ours: TlsSettings | None) -> Peer:
    """TLS to a peer with the files that its entry leaves to ``tls``; certificate and key go together."""
    if peer.tls is None or ours is None:
        return peer
    own = {} if peer.tls.certificate else {"certificate": ours.certificate, "key": ours.key}
    authorities = {} if peer.tls.ca else {"ca": ours.ca, "crl": ours.crl}
    return peer.model_copy(update={"tls": peer.tls.model_copy(update={**own, **authorities})})


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


def _place(location: Location, source: YamlFile, environment: dict[str, Any]) -> str:
    """Where a key stands: its variable, or its file and line."""
    if _holds(environment, location):
        return f"environment: {PREFIX}{'__'.join(str(part) for part in location).upper()}"
    return f"{source.place(location)}: {dotted(location)}"


def _what(error: ErrorDetails) -> str:
    location, value = error["loc"], error["input"]
    if error["type"] == "extra_forbidden":
        return f"unknown key; {_nearest(str(location[-1]), _keys_beside(location))}"
    if error["type"] == "missing":
        return "is missing; add it"
    if error["type"] == "tuple_type":
        return "write a list, such as [A, B]"
    message = str(error.get("ctx", {}).get("error") or error["msg"])
    if isinstance(value, str | int | float | bool | None) and not _UNQUOTED & set(location):
        return f"{value!r} can't be used; {message[:1].lower()}{message[1:]}"
    return message


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


def _keys_beside(location: Location) -> list[str]:
    """The keys that the model at this place knows."""
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_within(model.model_fields[part].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The model of a part, of an entry of a list of parts, or of a part that may be absent."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_within(inner))), None)


def _holds(data: Any, location: Location) -> bool:
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
