"""The CDN: distributions, links, invalidations, delivery checks and the playback proxy."""
