"""Tests of what a scan leaves."""
