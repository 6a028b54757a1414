"""The engine turns a Request into a stream of Frames."""
