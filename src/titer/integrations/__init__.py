"""Other people's services, spoken to in their own language."""
