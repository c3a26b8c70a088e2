"""Who we are to AWS: connection profiles, secrets and SDK clients."""
