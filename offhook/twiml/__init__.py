"""TwiML: the documents of an IVR that was written for Twilio, fetched from its server and run in a call.

- `element`, `attributes`, `document`: from XML to verbs, frozen values in `speech`, `gather`, `record`, `dial`,
  `connect` and `control`.
- `addresses`, `cookies`, `client`, `parameters`: requests to the server, signed as Twilio's are.
- `agent` runs documents; `prompts`, `gathering`, `recording`, `dialling` and `stream` do what their verbs want.

docs/twiml.md says what is covered.
"""
