"""The promise to the buyer, measured: purchases in a modelled air, figures, tables, plots."""
