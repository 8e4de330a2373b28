"""The system actors: ordinary handlers that every namespace gets. They need no network; the relay does the reporting."""
