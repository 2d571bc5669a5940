"""What people write: grants, their settings, and the component that wires them."""
