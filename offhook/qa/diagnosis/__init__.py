"""What happened in a capture's calls, and what is wrong with them: `offhook qa pcap`."""
