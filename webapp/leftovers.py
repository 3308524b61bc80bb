"""What killed processes left of files on their way in, for which they could not answer any more."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from webapp.records import ended
from webapp.services import Services

log = logging.getLogger(__name__)


def clear(services: Services) -> None:
    """Discard them; a file that a record has is kept. Best done where a process takes another's place."""
    try:
        for path, key in services.files.leftovers():
            if key and not _is_used(services, key):
                services.files.delete(key)
            path.unlink(missing_ok=True)
            log.info("cleared %s", path.name)
    except (SQLAlchemyError, OSError) as error:
        log.warning("what earlier processes left could not be cleared: %s", error)


def _is_used(services: Services, key: str) -> bool:
    with services.database.reading() as session:
        return bool(ended.uses(session, [key])[key])
