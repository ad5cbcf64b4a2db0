"""Settings, `/api/auth` and `/api/settings`: the people who administer an organization."""
