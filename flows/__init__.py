"""What runs, in which order, with which settings. Read `stocktake.py` first."""
