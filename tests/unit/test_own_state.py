"""The program's look at its own state: one that meets a half-written checkpoint looks again."""

import pytest

from providers.base import own_state
from providers.base.own_state import OwnObject


def test_a_half_written_checkpoint_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[object] = [Exception("… failed to load checkpoint: EOF"), (OwnObject("A", "a", {}),)]

    def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(own_state, "_ask", ask)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert own_state._read() == (OwnObject("A", "a", {}),)
    answers[:] = [Exception("no such stack")]
    with pytest.raises(Exception, match="no such stack"):
        own_state._read()
