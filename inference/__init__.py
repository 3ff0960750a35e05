"""What runs in a worker process: volumes, networks, pipelines, reports. Reads and writes blobs, never the database."""
