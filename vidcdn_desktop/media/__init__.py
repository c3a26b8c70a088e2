"""What is in a video file, and how to make it start at once: boxes, fast start, ffprobe, posters."""
