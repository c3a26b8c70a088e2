"""The built-in practice cloud: a real S3 API, a CloudFront control API and an edge, all on loopback."""
