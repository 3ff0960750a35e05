"""Admission as the settings say it."""

from __future__ import annotations

from ipaddress import ip_network

from node.receive.associate.admission import SERVICES, Admission, Grant, Source
from node.receive.associate.certificates import certificate_name
from node.receive.associate.user_identity import Users
from node.settings import Settings, SourceSettings


def admission_of(settings: Settings) -> Admission:
    """Who may do what. ``node.calling`` and the peers with ``receive_from`` are known titles: any address, the ordinary grant.

    A peer's ``host`` is where we connect to, which need not be where it connects from: to bind addresses, name a source.
    """
    receive = settings.receive
    ordinary = Grant("", transfer_syntaxes=receive.transfer_syntaxes, idle_s=receive.idle_s)
    return Admission(
        ae_title=settings.node.ae_title,
        calling=settings.known_calling_ae_titles(),
        require_called=settings.node.require_called_ae_title,
        sources=tuple(_source(one, ordinary) for one in settings.sources),
        ordinary=ordinary,
    )


def _source(one: SourceSettings, ordinary: Grant) -> Source:
    grant = Grant(
        source=one.name,
        services=SERVICES if one.services is None else frozenset(one.services),
        sop_classes=None if one.sop_classes is None else frozenset(one.sop_classes),
        durability=one.durability,
        transfer_syntaxes=one.transfer_syntaxes or ordinary.transfer_syntaxes,
        most_associations=one.max_associations,
        idle_s=one.idle_s or ordinary.idle_s,
    )
    return Source(
        grant,
        networks=tuple(ip_network(text) for text in one.networks),
        calling=frozenset(one.calling),
        called=frozenset(one.called),
        certificates=tuple(certificate_name(text) for text in one.certificate),
        tls=one.tls,
        users=Users({user.name: user.passcode for user in one.users}),
    )
