"""VidCDN Desktop: a video on the web from your own bucket, with proof that the CDN serves it."""

__version__ = "0.1.0"
