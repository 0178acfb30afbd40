"""Ingest: reads a shop's raw files and tables, and standardises them to canonical tables.

Consumes: files, object stores, databases. Produces: `shards/…`, `tables/TABLE`, `quarantine/TABLE`.
Fails when: a source is missing, damaged, refused or empty, or a required column is not mapped. A row never fails it.
"""
