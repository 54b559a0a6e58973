"""Checks of how a classifier treats groups of people and slices of the data, one module each."""
