"""Media streams of carriers (Twilio, Telnyx, Plivo, Vonage, SignalWire) and of programs: the messages and dialects, one
stream's behaviour, tickets, TwiML, the signature of Twilio's requests. Pure.
"""
