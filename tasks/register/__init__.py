"""Register: logs the recommender to MLflow, tries it, and puts it up for review if the gate lets it pass.

Consumes: the recommender, its evaluation, what both were made from. Produces: `registrations/recommender`.
Fails when: MLflow does not answer, or the model cannot be served. A closed gate is a result, not a failure.
"""
