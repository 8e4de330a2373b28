"""Two handlers: plain functions from a payload to a payload."""


def greet(payload: dict) -> dict:
    """Add a greeting for the name in the payload."""
    return {**payload, "greeting": f"Hello, {payload.get('name', 'world')}!"}


def shout(payload: dict) -> dict:
    """Turn the greeting into capitals."""
    return {**payload, "greeting": payload["greeting"].upper()}
