"""What is demanded of each table: one suite per module, as plain data. `suites.py` names them all."""
