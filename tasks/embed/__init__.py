"""Embed: product texts to vectors.

Consumes tables/products and the vectors of earlier versions.
Produces embeddings/products: one unit vector per product, float32.
Fails if the encoder cannot be used (exit code 2), is not the one named (3), or cannot be fetched (5).
"""
