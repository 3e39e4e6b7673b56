"""What a scan leaves for people and for programs, written from its ledger when it ends, however it ends."""
