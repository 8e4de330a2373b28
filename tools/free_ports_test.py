"""free_ports: what is given out is not given again, though its server does not listen yet."""

from __future__ import annotations

import random

import pytest

import free_ports as ports


def test_a_port_that_is_given_out_is_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever got it may take a while to bind it."""
    (first,) = ports.free_ports(1)
    drawn = iter([first, first, first + 1, first + 2, first + 3, first + 4])
    monkeypatch.setattr(random, "randrange", lambda *_: next(drawn))
    (second,) = ports.free_ports(1)
    assert second != first


def test_what_was_given_out_long_ago_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a long run would have none left."""
    monkeypatch.setattr(ports, "REMEMBERED", 2)
    monkeypatch.setattr(ports, "_given", [])
    first, _, _ = (ports.free_ports(1)[0] for _ in range(3))
    monkeypatch.setattr(random, "randrange", lambda *_: first)
    assert ports.free_ports(1) == [first]
