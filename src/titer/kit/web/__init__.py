"""What every face needs of HTTP, and none of what a laboratory is."""
