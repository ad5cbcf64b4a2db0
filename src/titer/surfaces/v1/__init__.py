"""The Lab API, `/api/v1`: a laboratory's integrators and instruments."""
