"""The two ends of a chat: the request for the model server, and what its answer says."""

from typing import Any


def ask(payload: dict[str, Any]) -> dict[str, Any]:
    """Make the request of the question."""
    messages = [{"role": "user", "content": payload["question"]}]
    return {**payload, "request": {"model": payload["model"], "messages": messages}}


def tell(payload: dict[str, Any]) -> dict[str, Any]:
    """Keep the question and the text of the answer."""
    choice = payload["completion"]["choices"][0]
    return {"question": payload["question"], "answer": choice["message"]["content"]}
