"""A Storage SCP as pynetdicom's documentation shows one: `python stock.py PORT FOLDER [all]`.

``all`` makes it accept every transfer syntax that pynetdicom knows, as an archive would; else its defaults hold.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

STOCK = "STOCK"
_SUCCESS = 0x0000


def _store(event: evt.Event, folder: Path) -> int:
    dataset = event.dataset
    dataset.file_meta = event.file_meta
    dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    return _SUCCESS


def main() -> None:
    """Receive until killed."""
    port, folder, everything = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] == ["all"]
    ae = AE(STOCK)
    ae.maximum_associations = 100  # its default of 10 would refuse what is asked of it here
    ae.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES if everything else context.transfer_syntax)
    ae.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, _store, [folder])])


if __name__ == "__main__":
    main()
