"""The registry of kinds: an explicit table. Adding one is a checklist in CONTRIBUTING.md."""

from __future__ import annotations

from webapp.kinds.base import Kind
from webapp.kinds.batch import Batch
from webapp.kinds.checksum import Checksum
from webapp.kinds.ingest_document import IngestDocument
from webapp.kinds.unpack import Unpack

KINDS: dict[str, Kind] = {kind.name: kind for kind in (IngestDocument(), Checksum(), Unpack(), Batch())}
# What people may ask for by name.
OFFERED: dict[str, Kind] = {name: kind for name, kind in KINDS.items() if kind.offered}
