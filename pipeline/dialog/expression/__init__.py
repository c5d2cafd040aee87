"""The small language of conditions and values in a flow: `people > 6`, `last(account, 4)`, `order.status == "sent"`."""
