"""Profile: describes every column of a table, and how tables refer to each other.

Consumes: tables. Produces: `profiles/TABLE`, `profiles/_relationships`.
Fails when: nothing is expected to make it fail; memory is bounded by `memory_limit`, beyond it DuckDB spills.
"""
