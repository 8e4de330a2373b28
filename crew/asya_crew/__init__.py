"""The system actors: handlers that every namespace gets. They need no network; the relay does the reporting."""
