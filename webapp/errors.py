"""The one expected failure of work: words for a person, and whether trying again could help."""


class JobError(Exception):
    """The work can't be done. The message is shown to the person who asked for it.

    `permanent` says that another attempt would end the same way (bad input).
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent
