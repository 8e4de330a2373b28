"""The Asya runtime: loads a handler, serves it over a Unix socket, and supervises the process that runs it."""

__version__ = "0.1.0"
