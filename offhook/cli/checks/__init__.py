"""What `offhook check` tries, a file for each kind: each yields findings, and changes nothing."""
