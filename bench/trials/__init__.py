"""How the gateway endures: minutes of load without an error, and faults in the midst of load."""
