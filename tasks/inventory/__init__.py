"""Inventory: the catalogue pages of what a stocktake made.

Consumes: the manifests of all assets, and the report files that stages left in theirs.
Produces: inventory/catalogue: `index.html`, and `assets/KEY.html` for every asset but the shards.
Fails when: an asset named is not there, or its bytes are not those its manifest names.
"""
