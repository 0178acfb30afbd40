"""Splits behaviour by time, and fine-tunes the encoder on the part that may be learned from.

Consumes tables/products, tables/events and, where a shop has them, tables/judgments and tables/queries.
Produces splits/behaviour and models/encoder.
Fails where the encoder cannot be trained, no user has enough behaviour to hold any of it back, or no two products are
ever chosen together.
"""
