"""The edge: where gRPC calls come in, who may make them, and how they are answered."""
