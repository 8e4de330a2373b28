"""Turn the lines of a page into the fields a person asks for."""

SCORE_LIMIT = 0.6


def fields(payload: dict) -> dict:
    """Give the title, the whole text and its counts; lines the model was unsure of are left out."""
    lines = [line["text"] for line in payload["lines"] if line["score"] >= SCORE_LIMIT]
    return {
        "filename": payload["filename"],
        "title": lines[0] if lines else "",
        "text": "\n".join(lines),
        "lines": len(lines),
        "words": sum(len(line.split()) for line in lines),
    }
