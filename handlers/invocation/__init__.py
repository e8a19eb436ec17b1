"""What Lambda hands over comes in: events, attempts, time; references, logs, metrics go out."""
