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


def test_what_is_on_another_client_cannot_be_met(monkeypatch: pytest.MonkeyPatch) -> None:
    def held(number: str, **more: str) -> OwnObject:
        return OwnObject("Mapper", number, {"owner": "o", "realm": "r", "number": number, **more})

    state = own_state._State(
        (
            held("1", client_id="a", client_uuid="uuid-a"),
            held("2", client_id="a", client_uuid="made-anew"),
            held("3", client_id="renamed", client_uuid="uuid-a"),
            held("4", client_id="b", client_uuid="uuid-b"),
            held("5"),
            held("6", client_id="a", client_uuid="uuid-a", owner="another"),
        ),
        {},
    )
    root = type("Root", (), {})()
    monkeypatch.setattr(own_state, "this_run", lambda: root)
    monkeypatch.setitem(own_state._states, root, state)
    monkeypatch.setitem(own_state._moved, root, True)
    on = {"client_id": "a", "client_uuid": "uuid-a"}
    assert own_state.held_numbers("Mapper", "o", "r", on) == ["1", "2", "3", "5"]
    assert own_state.held_numbers("Mapper", "o", "r", {"client_id": "a", "client_uuid": object()}) == list("12345")
    assert own_state.held_numbers("Mapper", "o", "r", {}) == list("12345")
    assert own_state.held_numbers("Mapper", "o", "another", on) is None
