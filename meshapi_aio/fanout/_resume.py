"""What a run knows of earlier ones, by the journal of their outcomes."""

import os

from ._journal import Journal
from ._keys import Repeats, request_key
from ._outcome import UNFINISHED, Outcome
from ._records import Results, record_of
from ._tally import Tally


__all__ = ["Resume"]


class Resume:
    """Tells what is still to be done, and writes down what has been."""

    def __init__(
        self, journal: Journal | str | os.PathLike[str], *, retry_errors: bool, tally: Tally
    ) -> None:
        self._is_own = False
        self._journal = journal if isinstance(journal, Journal) else Results(journal)
        self._tally = tally
        self._retry_errors = retry_errors
        self.repeats = Repeats()

    def open(self) -> None:
        """Open the journal, unless its user has done so."""
        self._is_own = not self._journal.is_open
        if self._is_own:
            self._journal.open()

    def close(self) -> None:
        """Close the journal, if it was opened here."""
        if self._is_own:
            self._journal.close()

    def wants(self, call: object, repeat: int, name: str | None) -> bool:
        """Tell whether a request is to be sent."""
        key = request_key(call, repeat)
        state = self._journal.state(key)
        if state is None and name is not None and self._journal.is_changed(name, key):
            self._tally.changed += 1
        is_wanted = state is None or (state == "failed" and self._retry_errors)
        if not is_wanted:
            self._tally.resumed += 1
            self._tally.resumed_failed += state == "failed"
        return is_wanted

    def write(self, outcome: Outcome[object, object]) -> None:
        """Write an outcome down; what was not done is none that counts."""
        if outcome.kind not in UNFINISHED:
            self._journal.append(record_of(outcome))
