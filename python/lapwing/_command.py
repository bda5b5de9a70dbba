"""Commands of ``lapwing`` for functions that have no other way: keywords in, the record of
``--json`` out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def command(
    *words: str | os.PathLike[str],
    progress: Callable[[dict[str, Any]], Any] | bool | None = None,
    threads: int | None = None,
    **options: Any,
) -> Any:
    """Run any command of ``lapwing`` within this process, and return the record that ``--json``
    prints.

    For what has no function of its own, such as a reconstruction that keeps a folder of results on
    disk.

    Parameters
    ----------
    *words : str or path
        The command, and what stands in it without a flag.
    progress : callable or bool, optional
        Called with a dict for every event; the work stops where it returns False. True for a
        display.
    threads : int, optional
        All processors unless given; results do not depend on it.
    **options
        Flags by name, ``num_epochs=200`` for ``--num-epochs 200``; True for those without a value,
        lists for those that may be repeated or have several numbers.

    Returns
    -------
    dict or list
        The record; None for a command that has none and prints a text, such as ``completions``.
        Files are written as by the command.

    Raises
    ------
    ValueError
        A wrong command line, and whatever else the command would say.
    OSError
        A file cannot be read or written.

    Examples
    --------
    >>> import lapwing
    >>> lapwing.command("reconstruct", "scan.npz", output="result")  # doctest: +SKIP
    >>> lapwing.command("jobs", study="my-study", progress=True)  # doctest: +SKIP
    """
    from lapwing._progress import shown

    with shown(progress, words[0] if words and isinstance(words[0], str) else "lapwing") as told:
        return answer(words, options, told, threads)[0]


def answer(
    command: Sequence[str | os.PathLike[str]],
    options: Mapping[str, Any] | None = None,
    progress: Callable[[dict[str, Any]], Any] | None = None,
    threads: int | None = None,
) -> tuple[Any, list[str]]:
    """What a command finds, and what it would say on standard error.

    The words of ``command`` come first, then each of the options that is neither None nor False as
    its flag.
    """
    words = ["lapwing", *(os.fspath(word) for word in command)]
    for name, value in (options or {}).items():
        words += _flag(name, value)
    return _lapwing.answer(words, progress, threads)


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
