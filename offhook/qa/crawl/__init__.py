"""Maps an IVR by calling it: what it says, what follows which key or words, and scripts of these calls."""
