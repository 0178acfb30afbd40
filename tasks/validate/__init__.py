"""Validate: says of a table what holds and what does not, and writes every key that fails.

Consumes tables/TABLE, the tables it refers to, and the shop's own suite for it, if any.
Produces validations/TABLE: report, results, failing keys, Data Docs, findings and a verdict.
Data never make it fail: a blocked table is a verdict, and the flow acts on it.
It fails where a suite cannot be read or names what is not there, and where an expectation raises instead of judging.
"""
