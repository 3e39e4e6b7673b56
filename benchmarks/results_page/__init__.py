"""What is printed of runs, all from score files: tables for the terminal and the README, and a page with plots."""
