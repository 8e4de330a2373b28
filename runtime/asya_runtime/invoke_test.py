"""Function handlers: frames, nothing, errors."""

from running import Start, envelope


def test_a_function_answers_with_one_frame_whose_route_is_shifted(start: Start) -> None:
    runtime = start("def handle(p): return {'got': p}")
    reply = runtime.invoke({"x": 1}, headers={"trace": "t"}, status={"phase": "processing"})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json() == {
        "frames": [
            {
                "payload": {"got": {"x": 1}},
                "route": {"prev": ["p", "a"], "curr": "b", "next": ["c"]},
                "headers": {"trace": "t"},
                "status": {"phase": "processing"},
            }
        ]
    }


def test_at_the_end_of_the_route_curr_is_empty(start: Start) -> None:
    runtime = start("def handle(p): return p")
    client = runtime.client()
    reply = client.invoke({"id": "1", "route": {"prev": [], "curr": "z", "next": []}, "payload": [1]})
    assert reply.json() == {"frames": [{"payload": [1], "route": {"prev": ["z"], "curr": "", "next": []}}]}


def test_none_is_204_and_the_connection_stays(start: Start) -> None:
    client = start("def handle(p): return p").client()
    for payload, status in ((None, 204), (0, 200), (False, 200), ("", 200), (None, 204)):
        reply = client.invoke(envelope(payload))
        assert (reply.status, reply.body == b"") == (status, status == 204)
