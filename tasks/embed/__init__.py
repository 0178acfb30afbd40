"""Embed: turns the texts of products into vectors.

Consumes: products. Produces: `embeddings/products`.
Fails when: the encoder cannot be opened, or its weights are not those named. An interruption loses no finished chunk.
"""
