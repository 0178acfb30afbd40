"""Profile: says what every column of a table holds, and which columns point to other tables.

Consumes tables/TABLE; the relationships read all tables of a shop.
Produces profiles/TABLE (statistics, correlations, keys) and profiles/_relationships (foreign keys with match rates).
Data never make it fail: an empty table, an empty column and infinite numbers are described as they are.
It fails where a parquet file cannot be read, or the disk has no room for what the memory limit sends there.
"""
