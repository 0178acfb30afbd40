"""What an asset is: a key and a version, data and a manifest, in a lake that only the store knows the paths of.

Consumes: drafts that stages fill. Produces: immutable assets, and answers about them.
Fails when: a manifest and its data disagree, an asset is unknown, or the lake cannot be reached.
"""
