"""Measures drift, ingest, transport, queries and the live page, a peer beside us where there is one."""
