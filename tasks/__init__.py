"""The stages of a stocktake, one package each, and the few things they share."""
