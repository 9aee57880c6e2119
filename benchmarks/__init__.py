"""Measurements: one file for each question, side by side in one run, with nothing turned off."""
