"""The laboratory: a package per concept, which knows neither HTTP nor JSON."""
