"""How scores bear what happens to recordings on their way, and what somebody does to them who wants to mislead."""
