"""The commands of `pandian`, a module for each group: each parses, calls one function, and prints."""
