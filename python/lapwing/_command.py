"""Commands of ``lapwing`` for functions that have no other way: keywords in, the record of ``--json`` out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def answer(
    command: Sequence[str | os.PathLike[str]],
    options: Mapping[str, Any] | None = None,
    progress: Callable[[dict[str, Any]], Any] | None = None,
    threads: int | None = None,
) -> tuple[Any, list[str]]:
    """What a command finds, and what it would say on standard error.

    The words of ``command`` come first, then each of the options that is neither None nor False as its flag.
    """
    words = ["lapwing", *(os.fspath(word) for word in command)]
    for name, value in (options or {}).items():
        words += _flag(name, value)
    try:
        return _lapwing.answer(words, progress, threads)
    except ValueError as error:
        raise ValueError(_in_python(str(error), options or {})) from None


def _flag(name: str, value: Any) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, (str, os.PathLike)):
        return [f"{flag}={os.fspath(value)}"]
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(item, str) for item in value):
            return [f"{flag}={item}" for item in value]
        return [f"{flag}={','.join(_number(item) for item in value)}"] if value else []
    return [f"{flag}={_number(value)}"]


def _number(value: Any) -> str:
    # NumPy's own numbers write their type into `repr`.
    number = value.item() if hasattr(value, "item") else value
    return repr(number) if isinstance(number, (int, float)) else str(number)


def _in_python(message: str, options: Mapping[str, Any]) -> str:
    """The message with keywords for the flags that were given by them."""
    for name in sorted(options, key=len, reverse=True):
        message = message.replace("--" + name.replace("_", "-"), name)
    return message
