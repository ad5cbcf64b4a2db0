"""The people of an organization, their roles, and their sign-ins."""
