"""Actors in real pods, of a server that is there for these tests alone: a cluster has one API of a group."""
