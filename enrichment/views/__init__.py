"""The screens: one module per screen, plain functions."""
