"""A drinking-water laboratory to play with: eight weeks of its work, made by the services."""
