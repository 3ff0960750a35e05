"""The whole statement, section by section (PS3.2 Annex N)."""

from __future__ import annotations

from node.conformance import notifications
from node.conformance.configuration import configuration_table
from node.conformance.contexts import storage_table, syntax_table
from node.conformance.markdown import tidy
from node.conformance.network import acceptance, association_table, initiation
from node.conformance.overview import cover, implementation_model, introduction, overview
from node.conformance.security import security
from node.conformance.services import services
from node.conformance.statuses import sent_table, store_table

_CHARACTER_SETS = """\
Received data sets are kept as they are, whatever their character set. For matching rules and for display, text is
decoded by Specific Character Set (0008,0005), the sets of PS3.3 C.12.1.1.2 with and without code extensions; what
can't be decoded is shown with replacement characters. Objects that the node makes are in ISO_IR 192 (UTF-8)."""


def statement() -> str:
    """The document; it depends on the program alone, so that a kept copy can be compared."""
    sections = (
        cover(),
        f"## N.1 Overview\n\n{overview()}",
        f"## N.3 Introduction\n\n{introduction()}",
        f"## N.4 Implementation model\n\n{implementation_model()}",
        f"## N.5 Services\n\n{services()}",
        f"### N.5.2.6 Storage Commitment\n\n{notifications.commitment()}",
        f"### N.5.2.7 Modality Performed Procedure Step\n\n{notifications.procedure_steps()}",
        f"### N.5.2.8 Instance Availability Notification\n\n{notifications.availability()}\n\n{notifications.limits()}",
        f"## N.6 Configuration\n\n{_configuration()}",
        "## N.7 Network communication",
        f"### N.7.2 Application Entity WETREAD: association parameters\n\n{association_table()}",
        f"### N.7.2.1.3 Association initiation\n\n{initiation()}",
        f"### N.7.2.1.4 Association acceptance\n\n{acceptance()}",
        f"### N.7.3.2.5 Storage Service: C-STORE as SCU\n\n{sent_table()}",
        f"### N.7.3.2.5 Storage Service: C-STORE as SCP\n\n{store_table()}",
        f"### N.7.3.2.6 Storage Commitment Service: N-ACTION as SCP\n\n{notifications.commitment_table()}",
        f"### N.7.3.2.7 Modality Performed Procedure Step Service as SCP\n\n{notifications.procedure_step_table()}",
        f"### N.7.3.2.8 Instance Availability Notification Service as SCP\n\n{notifications.availability_table()}",
        f"## N.8 Security\n\n{security()}",
        f"## N.9 Character sets\n\n{_CHARACTER_SETS}",
        f"## Annex A. Storage SOP Classes that are taken\n\n{storage_table()}",
        f"## Annex B. Transfer syntaxes that are taken\n\n{syntax_table()}",
    )
    return tidy("\n\n".join(sections)) + "\n"


def _configuration() -> str:
    return f"""\
AE titles, addresses and ports of the node and of its peers are settings (`config/README.md` explains each key). An
empty default says that the key must be written. Who is admitted, and for what, is read anew at SIGHUP; the rest at
the start.

{configuration_table()}"""
