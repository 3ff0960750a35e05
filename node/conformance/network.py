"""N.7.1 and N.7.2: the Application Entity on the network, as acceptor and as requestor."""

from __future__ import annotations

from node.conformance.contexts import PREFERENCE, refused_syntaxes
from node.conformance.markdown import bullets, name_of, table
from node.conformance.services import sent_classes_table
from node.conformance.statuses import rejection_table
from node.deliver.scu import MAX_CONTEXTS
from node.receive.associate.negotiation import SMALLEST_PDU_BYTES, STORAGE_SUPPORT
from node.receive.dataset.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.receive.fast.limits import Limits
from node.receive.listen.sockets import BACKLOG
from node.settings import Settings
from node.settings.network import TlsSettings


def association_table() -> str:
    """N.7.2.1.2: parameters of an association, as acceptor unless said otherwise."""
    limits, settings = Limits(), Settings.model_construct()
    node, receive = settings.node, settings.receive
    rows = [
        ("Application Context Name", "1.2.840.10008.3.1.1.1"),
        ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
        ("Implementation Version Name", IMPLEMENTATION_VERSION_NAME),
        ("Plain TCP port", f"{node.port} by default"),
        ("TCP port for TLS", f"{TlsSettings.model_fields['port'].get_default()} by default, where certificates are configured"),
        ("Maximum PDU length that we receive", f"{receive.max_pdu_kb * 1024} bytes; longer ones are answered by A-ABORT"),
        ("Smallest maximum PDU length that a peer may ask of us", f"{SMALLEST_PDU_BYTES} bytes; 0 for unlimited is taken"),
        (
            "Simultaneous associations",
            f"{node.max_associations} by default; a host gets four fifths of them, a source fewer where the settings say so",
        ),
        ("Connections that may wait to be accepted", BACKLOG),
        ("Presentation contexts in one association", 128),
        ("Asynchronous operations window", "1 performed, 1 invoked: not supported"),
        ("From the connection to the whole A-ASSOCIATE-RQ, TLS handshake included", f"{receive.request_s:g} s"),
        ("Whole PDU, from its first byte", f"{receive.pdu_s:g} s"),
        ("Between messages", f"{receive.idle_s:g} s, per source"),
        ("Until a peer has taken what we send", f"{receive.send_s:g} s"),
        ("Largest A-ASSOCIATE-RQ", f"{limits.max_request_bytes} bytes"),
        ("Largest command set", f"{limits.max_command_bytes} bytes"),
        ("Largest data set of a DIMSE-N request", f"{limits.max_collected_bytes} bytes"),
        ("Largest data set of a C-STORE request", "the free space of the disk; it is never held in memory"),
    ]
    return table(("Name", "Value"), rows)


def acceptance() -> str:
    """N.7.2.1.4: what is agreed to, and what is rejected."""
    return f"""\
**Abstract syntaxes.** All Storage SOP Classes of annex A, retired ones too. Classes below the storage arc of DICOM
that the Standard may define later, except those of the Non-Patient Object Storage Service. Private ones, unless the
requestor declares another service class for them (SOP Class Common Extended Negotiation). What the source's grant
leaves out is answered "abstract syntax not supported".

**Transfer syntaxes.** Those of annex B. Of several proposed in one presentation context the one with the best place
is taken, and the first proposed among equals:

{_preference()}

The settings may name another order or choice for a source. Nothing is transcoded: an instance is stored in the syntax
in which it came. Private transfer syntaxes are not taken, and of the registered ones not: {
        ", ".join(name_of(uid) for uid in refused_syntaxes())
    }.

**Roles.** The requestor is SCU and we are SCP. Other roles are not taken up.

**Extended negotiation.** For Storage (PS3.4 B.3.1), where it is asked for: level of support {STORAGE_SUPPORT[0]} (all
attributes, private ones too), level of digital signature support {STORAGE_SUPPORT[2]} (bits are kept), element
coercion {STORAGE_SUPPORT[4]} (none).

**Rejections.** After admission, no association is rejected for its contexts: each is answered by itself.

{rejection_table()}

**Messages.** A request of an operation that its SOP Class doesn't have is answered 0211, unrecognized operation.
C-CANCEL changes nothing: no operation here has pending responses.

**At the end.** What breaks the protocol, or comes too late, is answered by A-ABORT. When the node stops, the instance
on its way is finished and answered; then its association is aborted, and new ones are rejected or refused."""


def _preference() -> str:
    return bullets(f"{number}: {what}" for number, what in enumerate(PREFERENCE, 1))


def initiation() -> str:
    """N.7.2.1.3: what the node asks of others."""
    return f"""\
**C-STORE** when results are ready, one association for what waits for one peer. Up to {MAX_CONTEXTS} presentation
contexts, each for one SOP Class and the one transfer syntax in which the objects are. Out of resources, no answer and
lost associations are tried again with exponential back-off; other failures wait for a person.

{sent_classes_table()}

`wetread send` sends files of any SOP Class in their own transfer syntax. **C-ECHO** when a person asks for it
(`wetread echo`).

**N-EVENT-REPORT** with results of storage commitment: see N.5.2.6."""
