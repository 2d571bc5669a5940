"""The embedded environment: everything a fresh machine lacks, installed into `.local/` of the project folder.

Only the standard library is used, because `python3 -m local` runs before the virtual environment exists.
"""
