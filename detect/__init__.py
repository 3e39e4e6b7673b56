"""Examine one recording: the meaning of this project. Start at `detect.analyze`."""
