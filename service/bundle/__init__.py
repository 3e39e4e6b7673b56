"""One report with what it rests on, as a signed zip file that can be checked without this program."""
