"""The checks of `offhook check`: each file yields findings of one kind, and changes nothing."""
