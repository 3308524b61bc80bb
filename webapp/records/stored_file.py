"""An upload in the file store, and the columns of records that have one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Mapped


@dataclass(frozen=True)
class StoredFile:
    """An upload that is safely in the file store."""

    key: str
    name: str
    size: int
    sha256: str
    media_type: str


class HasFile:
    """A record that may have a file. Several may have the same: it goes with the last of them."""

    file_key: Mapped[str | None]
    file_name: Mapped[str | None]
    file_size: Mapped[int | None]
    file_sha256: Mapped[str | None]
    file_type: Mapped[str | None]

    @property
    def file(self) -> StoredFile | None:
        if self.file_key is None:
            return None
        assert self.file_name and self.file_sha256 and self.file_type and self.file_size is not None
        return StoredFile(self.file_key, self.file_name, self.file_size, self.file_sha256, self.file_type)

    @file.setter
    def file(self, file: StoredFile | None) -> None:
        self.file_key, self.file_name = (file.key, file.name) if file else (None, None)
        self.file_size, self.file_sha256 = (file.size, file.sha256) if file else (None, None)
        self.file_type = file.media_type if file else None
