"""What single settings may say: titles, addresses, names of certificates, SOP classes and transfer syntaxes."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydicom._uid_dict import UID_dictionary

_UID = re.compile(r"(?=.{1,64}$)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_HASH = re.compile(r"scrypt\$(16384|32768)\$8\$1\$[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{86}==")
OTHERS = "*"


class Part(BaseModel):
    """A part of the settings: frozen, and without room for a misspelt key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise ValueError("write an address or a network such as 10.1.0.0/16") from None
        raise ValueError(f"the address has bits beyond the network; write {network}") from None
    return text


def _certificate(text: str) -> str:
    kind, _, value = text.partition(":")
    kind, value = kind.strip().lower(), value.strip()
    if kind == "sha256":
        value = value.replace(":", "").lower()
        if re.fullmatch("[0-9a-f]{64}", value):
            return f"{kind}:{value}"
    elif kind in ("cn", "dns") and value and "*" not in value:
        return f"{kind}:{value}"
    raise ValueError("write sha256:FINGERPRINT (64 hexadecimal digits), cn:NAME or dns:NAME")


def _passcode(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise ValueError("write what `wetread passcode` prints, in quotes")
    return text


def _sop_class(text: str) -> str:
    return _uid(text, "SOP Class", "a keyword such as CTImageStorage")


def _transfer_syntax(text: str) -> str:
    return text if text == OTHERS else _uid(text, "Transfer Syntax", "a keyword such as ExplicitVRLittleEndian, or *")


def _uid(text: str, kind: str, otherwise: str) -> str:
    if _UID.fullmatch(text):
        return text
    found = [uid for uid, entry in UID_dictionary.items() if entry[1] == kind and entry[4] == text]
    if not found:
        raise ValueError(f"write a UID, {otherwise}")
    return found[0]


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


AETitle = Annotated[str, AfterValidator(_ae_title)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Host = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]+$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=30 * 86400)]
Modality = Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,16}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Network = Annotated[str, AfterValidator(_network)]
CertificateNames = Annotated[tuple[Annotated[str, AfterValidator(_certificate)], ...], BeforeValidator(_one_or_more)]
PasscodeHash = Annotated[str, AfterValidator(_passcode)]
SOPClass = Annotated[str, AfterValidator(_sop_class)]
TransferSyntax = Annotated[str, AfterValidator(_transfer_syntax)]
Service = Literal["echo", "store", "commitment", "mpps", "ian"]
Durability = Literal["full", "os"]
