"""Analyze: what the vectors and the behaviour show together.

Consumes: products, their vectors, events. Produces: `analysis/clusters`, `…/duplicates`, `…/associations`.
Fails when: no product has a vector.
"""
