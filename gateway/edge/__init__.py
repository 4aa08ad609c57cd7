"""The edge: where calls come in, over gRPC and HTTPS, who may make them, and what is answered."""
