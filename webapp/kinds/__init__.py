"""The registry of kinds: an explicit table. Adding one is a checklist in CONTRIBUTING.md."""

from __future__ import annotations

from webapp.kinds.base import Kind
from webapp.kinds.checksum import Checksum
from webapp.kinds.ingest_document import IngestDocument

KINDS: dict[str, Kind] = {kind.name: kind for kind in (IngestDocument(), Checksum())}
