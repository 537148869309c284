"""What a network holds between its layers."""
