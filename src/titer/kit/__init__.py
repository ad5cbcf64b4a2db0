"""The shelf: what another product could use too. It knows no noun of the laboratory."""
