"""Evidence as bytes on a disk: uploads while they arrive, and a store that is read only, named by content.

    Incoming.create -> append ... append -> finish -> Vault.open
    DATA/incoming/upload_...                          DATA/evidence/ab/ab12...

Knows no HTTP and no database. What a client calls its file is a name to show (`names`), and no part of any path.
"""
