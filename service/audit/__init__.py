"""The audit log: who did what, in entries that are bound to each other by their digests.

`entry` defines an entry and its digest, `log` writes and reads them, `verify` finds what was changed afterwards,
`checkpoint` signs where the log stands so that the proof can be kept elsewhere, `export` writes the log to a file.
"""
