"""The numbers in the README come from here."""
