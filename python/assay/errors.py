"""Errors of Assay as Python exceptions.

Every one is an :class:`AssayError` with the ``code`` that the command line would exit with, the ``places`` where it happened and a ``hint``
what to do about it.
"""

from __future__ import annotations

from typing import Optional, Sequence

__all__ = [
    "AssayError",
    "UsageError",
    "NotFoundError",
    "NotAllowedError",
    "UnreachableError",
    "MissingLibraryError",
]


class AssayError(Exception):
    """Something went wrong; ``str()`` says what, where and what to do about it."""

    #: The exit code of the command line: 1 failure, 2 usage, 3 not found, 4 not allowed, 7 unreachable.
    code: int = 1

    def __init__(
        self,
        message: str,
        *,
        hint: Optional[str] = None,
        places: Sequence[str] = (),
        code: Optional[int] = None,
    ) -> None:
        self.message = message
        self.hint = hint
        self.places = tuple(places)
        if code is not None:
            self.code = code
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  at {place}" for place in self.places]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.places, self.code)


def _rebuild(
    kind: type[AssayError], message: str, hint: Optional[str], places: Sequence[str], code: int
) -> AssayError:
    return kind(message, hint=hint, places=places, code=code)


class UsageError(AssayError, ValueError):
    """Something malformed was asked for: a wrong expression, an unknown key, a frame with a hole in it."""

    code = 2


class NotFoundError(AssayError, LookupError):
    """The thing named does not exist."""

    code = 3


class NotAllowedError(AssayError):
    """The key does not allow it, or it is of another version."""

    code = 4


class UnreachableError(AssayError, ConnectionError):
    """No coordinator answers."""

    code = 7


class MissingLibraryError(AssayError, ImportError):
    """An optional library is needed and not installed."""

    code = 2


_CLASSES: dict[int, type[AssayError]] = {2: UsageError, 3: NotFoundError, 4: NotAllowedError, 7: UnreachableError}


def from_native(message: str, places: Sequence[str], hint: Optional[str], code: int) -> AssayError:
    """The exception for an error of the compiled half."""
    return _CLASSES.get(code, AssayError)(message, hint=hint, places=places, code=code)
