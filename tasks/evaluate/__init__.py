"""Ranks the whole catalogue for held-out users with every model, and combines them.

Consumes tables/products, splits/behaviour, embeddings/products, models/encoder and, where a shop has them,
tables/judgments and tables/queries. Produces evaluations/recommender and models/recommender.
Fails where no user of the validation or test split has a history in the catalogue.
"""
