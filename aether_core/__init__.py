"""What all processes of Aether share; imports none of the other packages."""
