"""The one expected failure of work: words for a person, and whether trying again could help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pydantic import ValidationError


class JobError(Exception):
    """The work can't be done. The message is shown to the person who asked for it.

    `permanent` says that another attempt would end the same way (bad input); `fields` what is wrong with which
    part of what was asked.
    """

    def __init__(self, message: str, *, permanent: bool = True, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.fields = fields or {}

    @classmethod
    def of_fields(cls, error: ValidationError) -> Self:
        """What a model says of what was sent: `speed: Extra inputs are not permitted`."""
        problems = error.errors(include_url=False, include_input=False)
        fields = {".".join(map(str, problem["loc"])): _words(problem["msg"]) for problem in problems}
        said = "; ".join(f"{name}: {words.rstrip('.')}" for name, words in fields.items())
        return cls(said[:1000] + ".", fields=fields)


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")
