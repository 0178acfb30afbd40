"""Analyze: what the vectors and the behaviour show together.

Consumes: products, their vectors, events. Produces: `analysis/clusters`, `analysis/duplicates`, `analysis/associations`.
Fails when: no product has a vector.
"""
