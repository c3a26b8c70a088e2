"""The bucket: objects, parts, uploads, listings and key names."""
