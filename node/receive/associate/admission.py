"""Who may open an association with us, and for what. Deny is the default: a node that knows nobody admits nobody.

Two kinds of entries admit. *Sources* say all: addresses, titles, certificate, users, and what is granted. The first source whose
address, calling title, called title and certificate fit decides; one that demands a user admits nobody else. *Known titles* are
the short way: they admit by calling title alone, with the ordinary grant. A title that any source names is no known title, so
that a source can't be weakened by the same title standing elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal, TypeAlias

from node.receive.associate.certificates import Certificate, CertificateName
from node.receive.associate.user_identity import UserIdentity, Users

Service: TypeAlias = Literal["echo", "store", "commitment", "mpps", "ian"]
Durability: TypeAlias = Literal["full", "os"]
Network: TypeAlias = IPv4Network | IPv6Network
SERVICES: frozenset[Service] = frozenset({"echo", "store", "commitment", "mpps", "ian"})
IDLE_S = 900.0


@dataclass(frozen=True)
class Reject:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source, reason, and the reason in a word for our logs."""

    result: int
    source: int
    diagnostic: int
    reason: str


UNKNOWN_CALLING = Reject(1, 1, 3, "calling-ae-title-unknown")
UNKNOWN_CALLED = Reject(1, 1, 7, "called-ae-title-unknown")
# The peer learns no more than that it isn't known under this title; the reason is for our logs.
WRONG_ADDRESS = Reject(1, 1, 3, "address-not-allowed")
NO_TLS = Reject(1, 1, 3, "tls-required")
WRONG_CERTIFICATE = Reject(1, 1, 3, "certificate-not-of-this-title")
WRONG_USER = Reject(1, 1, 1, "user-identity-refused")
NO_SPACE = Reject(2, 3, 2, "no-space")
STOPPING = Reject(2, 3, 1, "stopping")


@dataclass(frozen=True)
class Caller:
    """All that is known of who asks for an association when its A-ASSOCIATE-RQ has come."""

    host: str
    calling: str
    called: str
    tls: bool = False
    certificate: Certificate | None = None
    user: UserIdentity | None = None


@dataclass(frozen=True)
class Grant:
    """What an admitted caller may do. ``source`` names the entry of the settings that admits it.

    ``sop_classes`` None: every storage-like one. ``transfer_syntaxes`` None: our usual choice; else those alone, best first.
    ``identified``: the user was verified, so an answer that was asked for may say so.
    """

    source: str
    services: frozenset[Service] = SERVICES
    sop_classes: frozenset[str] | None = None
    durability: Durability = "full"
    transfer_syntaxes: tuple[str, ...] | None = None
    most_associations: int | None = None
    idle_s: float = IDLE_S
    identified: bool = False

    def takes(self, sop_class: str) -> bool:
        """Whether instances of a storage-like SOP class may be stored."""
        return "store" in self.services and (self.sop_classes is None or sop_class in self.sop_classes)


@dataclass(frozen=True)
class Source:
    """One entry of the settings. An empty ``networks``, ``calling``, ``certificates`` or ``users`` asks for nothing there.

    An empty ``called`` asks for the node's own title, as far as the node requires one. ``certificates`` asks for TLS with one of
    them; ``tls`` for TLS with any certificate that the port takes.
    """

    grant: Grant
    networks: tuple[Network, ...] = ()
    calling: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    certificates: tuple[CertificateName, ...] = ()
    tls: bool = False
    users: Users = field(default_factory=lambda: Users({}))


@dataclass(frozen=True)
class Admission:
    """``calling``: the known titles; ``ae_title``: what callers must call, where ``require_called`` is set.

    ``ordinary`` is granted to known titles, each its own source.
    """

    ae_title: str
    calling: frozenset[str] = frozenset()
    require_called: bool = True
    sources: tuple[Source, ...] = ()
    ordinary: Grant = Grant("")

    def may_connect(self, host: str) -> bool:
        """Whether anybody at this address could be admitted: asked before a byte is read."""
        return any(_is_within(host, entry.networks) for entry in self._entries)

    def check(self, caller: Caller) -> Grant | Reject:
        """What a caller may do, or why its association is rejected for good. Spaces around titles don't count (PS3.5 6.2)."""
        told: Reject | None = None
        furthest = -1
        for entry in self._entries:
            step, reject = self._fits(entry, caller)
            if reject is None:
                return self._granted(entry, caller)
            if step > furthest:
                furthest, told = step, reject
        return told or UNKNOWN_CALLING

    @cached_property
    def _entries(self) -> tuple[Source, ...]:
        named = frozenset[str]().union(*(source.calling for source in self.sources))
        known = self.calling - named
        return (*self.sources, Source(self.ordinary, calling=known)) if known else self.sources

    def _fits(self, entry: Source, caller: Caller) -> tuple[int, Reject | None]:
        """How far a caller comes with an entry, and what stops it there."""
        calling, called = caller.calling.strip(" "), caller.called.strip(" ")
        tests = (
            (not entry.calling or calling in entry.calling, UNKNOWN_CALLING),
            (self._calls(entry, called), UNKNOWN_CALLED),
            (_is_within(caller.host, entry.networks), WRONG_ADDRESS),
            (caller.tls or not (entry.tls or entry.certificates), NO_TLS),
            (_shows(caller.certificate, entry.certificates), WRONG_CERTIFICATE),
        )
        for step, (passed, reject) in enumerate(tests):
            if not passed:
                return step, reject
        return len(tests), None

    def _calls(self, entry: Source, called: str) -> bool:
        return called in entry.called if entry.called else not self.require_called or called == self.ae_title

    def _granted(self, entry: Source, caller: Caller) -> Grant | Reject:
        if entry.users:
            return replace(entry.grant, identified=True) if entry.users.admits(caller.user) else WRONG_USER
        return entry.grant if entry.grant.source else replace(entry.grant, source=caller.calling.strip(" "))


def _shows(certificate: Certificate | None, wanted: tuple[CertificateName, ...]) -> bool:
    return not wanted or (certificate is not None and any(name.is_of(certificate) for name in wanted))


def _is_within(host: str, networks: tuple[Network, ...]) -> bool:
    if not networks:
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
