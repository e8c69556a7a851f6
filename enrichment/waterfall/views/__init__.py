"""The screens of the waterfall: studio, catalogue, spending, pilots."""
