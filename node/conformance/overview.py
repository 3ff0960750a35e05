"""N.1 to N.4: what the product is, what it offers at a glance, and how it works inside as far as a peer can tell."""

from __future__ import annotations

from importlib.metadata import version

from node.conformance.services import services_table


def cover() -> str:
    """The title, and what this statement is about."""
    return f"""\
# DICOM Conformance Statement: Wetread {version("wetread")}

`wetread conformance` makes this document from the tables that the node goes by; it isn't edited by hand. Its sections
are those of the template in PS3.2 Annex N, as far as there is something to say."""


def overview() -> str:
    """N.1."""
    return f"""\
Wetread takes in studies from scanners and archives, finds when each is complete, chooses models by rules, and sends
what they find as DICOM Segmentation and Structured Report to archives. It neither shows images nor answers queries.

{services_table()}

Media: none. Web services: none. Transfer is over TCP/IP, IPv4 and IPv6, plain or by TLS."""


def introduction() -> str:
    """N.3."""
    return """\
For those who connect an imaging system to the node. Conformance of two systems doesn't by itself make them work
together: try it.

| Term | Meaning here |
|---|---|
| durable | written and synced to the disk together with the record that it has come |
| quarantine | a folder of refused data sets, with the reason, for a person to look at |
| source | an entry of the settings that admits callers and says what they may do |
| evidence | what a peer has said about the completeness of a Study |"""


def implementation_model() -> str:
    """N.4."""
    return """\
    scanner, archive --- C-STORE, C-ECHO ------------------> +---------+
                     --- N-ACTION (commitment) ------------> |         |
                     <-- N-EVENT-REPORT (commitment) ------- | WETREAD |
                     --- N-CREATE, N-SET (MPPS) -----------> |   AE    |
                     --- N-CREATE (availability) ----------> |         |
    archive          <-- C-STORE (SEG, SR), C-ECHO --------- +---------+

One Application Entity with one AE title does all. As an acceptor it runs in several processes that share a listening
socket; an association is served by one of them. As a requestor it has at most two to a peer at a time, one for
objects and one for results of storage commitment.

What it receives it stores and indexes. A Study counts as complete by evidence (MPPS, storage commitment requests,
instance availability) or when it has been quiet for a time that the settings name; then models run on its Series.
Their results are sent to the peers that the matching rules name. The end of an association by itself completes
nothing, and an abort never does."""
