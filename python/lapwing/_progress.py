"""Progress as people watch it: HTML that updates in a notebook, lines of text elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

_EVERY = 0.2
"""Least seconds between two pictures."""
_LINES = 10
"""Lines that a log without a terminal gets of one reconstruction."""


class Progress:
    """A display of a reconstruction or a study that goes on, for the argument ``progress`` of
    functions that have one.

    ``progress=True`` makes one. In a notebook it is a bar with the time left and the curve of the
    loss, and stays as it was at the end; at a terminal one line that is written over; in a log a
    few lines.

    Parameters
    ----------
    title : str
        What is done.
    stop_when : callable, optional
        Called with every :class:`Epoch` or event; the work stops when it returns True.
    file : text stream, optional
        Where text goes, in place of standard error.

    Examples
    --------
    >>> import lapwing
    >>> watch = lapwing.Progress("my scan", stop_when=lambda epoch: epoch.loss < 0.1)
    >>> found = lapwing.reconstruct(scan, progress=watch)  # doctest: +SKIP
    """

    def __init__(
        self,
        title: str = "reconstructing",
        *,
        stop_when: Callable[[Any], bool] | None = None,
        file: TextIO | None = None,
    ) -> None:
        self.title = title
        self.losses: list[float] = []
        """The losses so far, of a reconstruction."""
        self.done = 0
        """Epochs that are done; of a study those of all jobs."""
        self.total = 0
        """Epochs that were asked for."""
        self.text = ""
        """What is said beside the bar."""
        self._stop_when = stop_when
        self._area = _Area(file)
        self._started = time.monotonic()
        self._last = 0.0
        self._began: tuple[float, int] | None = None
        self._jobs = _Jobs()

    def __call__(self, event: Any) -> bool:
        """Takes note of an :class:`Epoch` or of an event of a study; False where the work is to
        stop."""
        if isinstance(event, dict):
            self._event(event)
        else:
            self.done, self.total = event.done, event.total
            if self._began is None or not self.losses:
                self._began = (time.monotonic(), event.done)
            self.losses.append(event.loss)
            self.text = f"loss {event.loss:.4g}"
        self._draw(last=False)
        return not (self._stop_when is not None and self._stop_when(event))

    def close(self) -> None:
        """Shows the last state and ends the line. More events begin it again."""
        self._draw(last=True)
        self._area.close()

    def _event(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "jobs planned":
            self._jobs = _Jobs(event["jobs"], settled=0)
            self.done, self.total = 0, event["epochs"]
        elif kind == "epoch":
            self.done += 1
            if not self._jobs.number:
                self.done, self.total = event["done"], event["total"]
                self.losses.append(event["loss"])
        elif kind == "fitting":
            done, expected = event["done"], event["expected"]
            self.text = f"finding out about the scan: {done} of some {expected} epochs"
        elif kind in ("job done", "job failed"):
            self._jobs.settled += 1
            self._jobs.failed += kind == "job failed"
            if event.get("resumed"):
                self._jobs.kept += 1
            # Epochs of jobs that had fewer, or none, count as done.
            each = self.total / max(self._jobs.number, 1)
            self.done = max(self.done, round(each * self._jobs.settled))
            if kind == "job failed":
                self._area.line(f"job {event['index'] + 1} failed: {event['error']}")
        elif kind == "simulating":
            self.text = f"simulating {event['patterns']} patterns at {event['dose']:g} photons"
        elif kind == "view refused":
            self._area.line(f"no view {event['condition']}: {event['reason']}")
        if self._jobs.number:
            self.text = self._jobs.words()

    def _draw(self, last: bool) -> None:
        now = time.monotonic()
        finished = self.total > 0 and self.done >= self.total
        if not (last or finished) and now - self._last < _EVERY and self._area.is_live:
            return
        self._last = now
        spent = now - self._started
        share = min(self.done / self.total, 1.0) if self.total else 0.0
        left = self._left(now, share) if not last else None
        self._area.show(
            lambda: self._html(share, spent, left),
            self._line(share, spent, left),
            self.done,
            self.total,
            last,
        )

    def _left(self, now: float, share: float) -> float | None:
        """Seconds that are left: those of an epoch times how many there are to come. What came
        before the first one, such as the search for a map of the scan, does not come again."""
        if not 0 < share < 1:
            return None
        if self._began is None:
            return (now - self._started) * (1 - share) / share
        first, done = self._began
        if self.done <= done:
            return None
        return (now - first) / (self.done - done) * (self.total - self.done)

    def _line(self, share: float, spent: float, left: float | None) -> str:
        counted = f"{self.done}/{self.total} epochs" if self.total else ""
        time_left = f"{_duration(left)} left" if left is not None else _duration(spent)
        return ", ".join(
            part for part in (f"{self.title}: {counted}".strip(": "), self.text, time_left) if part
        )

    def _html(self, share: float, spent: float, left: float | None) -> str:
        from lapwing._html import progress_bar

        facts = [
            self.text,
            _duration(spent) + (f", {_duration(left)} left" if left is not None else ""),
        ]
        counted = f"{self.done} of {self.total} epochs" if self.total else ""
        return progress_bar(self.title, share, [counted, *facts], self.losses)


class _Jobs:
    """How many of the jobs of a study are through."""

    def __init__(self, number: int = 0, settled: int = 0) -> None:
        self.number = number
        self.settled = settled
        self.failed = 0
        self.kept = 0

    def words(self) -> str:
        extra = [f"{self.failed} failed"] if self.failed else []
        extra += [f"{self.kept} were there already"] if self.kept else []
        more = f" ({', '.join(extra)})" if extra else ""
        return f"{self.settled} of {self.number} jobs{more}"


class Board:
    """The state of a study that others run, shown again whenever it changed."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._area = _Area(file)
        self._shown = ""

    def show(self, status: dict[str, Any]) -> None:
        """Shows a status as :func:`lapwing.study_status` gives it."""
        from lapwing._html import study_table

        names = ("done", "running", "failed", "skipped", "pending")
        line = f"{status.get('name', 'study')}: " + ", ".join(
            f"{status.get(name, 0)} {name}" for name in names
        )
        page = study_table(status)
        if page == self._shown:
            return
        self._shown = page
        self._area.show(lambda: page, line, 0, 0, last=True)


class _Area:
    """A place that is written over: a display of IPython, a line of a terminal; else lines one
    below the other."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._notebook = file is None and _in_notebook()
        self._handle: Any = None
        self._width = 0
        self._told = -1

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._file is None else self._file

    @property
    def is_live(self) -> bool:
        """Whether what is shown is written over."""
        return self._notebook or self._is_terminal

    @property
    def _is_terminal(self) -> bool:
        return bool(getattr(self._stream, "isatty", bool)())

    def show(self, page: Callable[[], str], line: str, done: int, total: int, last: bool) -> None:
        if self._notebook:
            self._display({"text/html": page(), "text/plain": line})
        elif self._is_terminal:
            self._stream.write("\r" + line.ljust(self._width))
            self._stream.flush()
            self._width = len(line)
        else:
            # A few lines of a log, and the last one.
            step = done * _LINES // total if total else 0
            if (step != self._told and total) or (not total and last):
                self._told = step
                self._stream.write(line + "\n")
                self._stream.flush()

    def line(self, text: str) -> None:
        """Something that stays."""
        if self._is_terminal and not self._notebook:
            self._stream.write("\r" + " " * self._width + "\r")
        self._stream.write(text + "\n")

    def close(self) -> None:
        if not self._notebook and self._is_terminal and self._width:
            self._stream.write("\n")
            self._width = 0

    def _display(self, bundle: dict[str, str]) -> None:
        display = sys.modules["IPython.display"].display
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _in_notebook() -> bool:
    """Whether this runs under a front end of Jupyter, without importing anything of it."""
    if "IPython.display" not in sys.modules:
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


@contextlib.contextmanager
def shown(
    progress: Callable[[Any], Any] | bool | None, title: str
) -> Iterator[Callable[[Any], Any] | None]:
    """The callback that an argument ``progress`` means: itself, a display for True, nothing for
    None and False."""
    if progress is None or progress is False:
        yield None
    elif progress is True or isinstance(progress, Progress):
        display = Progress(title) if progress is True else progress
        try:
            yield display
        finally:
            display.close()
    else:
        yield progress


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
