// Twilio's Media Streams protocol from the carrier's side: what a phone number sends, a browser tab sends.
// https://www.twilio.com/docs/voice/media-streams/websocket-messages

const MAX_BUFFERED_BYTES = 64 * 1024; // of a connection that does not get rid of it: some seconds of audio

/**
 * One call over a WebSocket. Tells "open", "payload" (detail: Uint8Array), "mark" (detail: its name), "clear", and
 * "closed" (detail: why, empty if all is well).
 */
export class Stream extends EventTarget {
  /**
   * @param {string} url
   * @param {string} callSid
   */
  constructor(url, callSid) {
    super();
    this.callSid = callSid;
    this.streamSid = `MZ${randomHex()}`;
    this.accountSid = `AC${"0".repeat(32)}`;
    this.sequence = 0;
    this.chunk = 0;
    this.opened = false;
    this.ended = false;
    this.socket = new WebSocket(url);
    this.socket.onopen = () => this.start();
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = ({ code, reason }) => this.closed(code, reason);
  }

  start() {
    this.opened = true;
    this.send({ event: "connected", protocol: "Call", version: "1.0.0" });
    this.send({
      event: "start",
      sequenceNumber: this.next(),
      start: {
        accountSid: this.accountSid,
        callSid: this.callSid,
        streamSid: this.streamSid,
        tracks: ["inbound"],
        customParameters: { client: "browser", from: "browser", to: "bot" },
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      },
      streamSid: this.streamSid,
    });
    this.tell("open");
  }

  /** @param {Uint8Array} payload 20 ms of mu-law */
  media(payload) {
    const timestamp = String(20 * this.chunk);
    this.chunk += 1;
    if (!this.opened || this.socket.bufferedAmount > MAX_BUFFERED_BYTES) return;
    const media = { track: "inbound", chunk: String(this.chunk), timestamp, payload: toBase64(payload) };
    this.send({ event: "media", sequenceNumber: this.next(), media, streamSid: this.streamSid });
  }

  /** @param {string} digit 0-9, * or # */
  dtmf(digit) {
    const dtmf = { track: "inbound_track", digit };
    this.send({ event: "dtmf", sequenceNumber: this.next(), dtmf, streamSid: this.streamSid });
  }

  /** @param {string} name of a mark whose audio has been played or dropped */
  mark(name) {
    this.send({ event: "mark", sequenceNumber: this.next(), mark: { name }, streamSid: this.streamSid });
  }

  /** Hang up. */
  stop() {
    if (this.ended) return;
    this.ended = true;
    const stop = { accountSid: this.accountSid, callSid: this.callSid };
    if (this.opened) this.send({ event: "stop", sequenceNumber: this.next(), stop, streamSid: this.streamSid });
    this.socket.close(1000);
  }

  /** @param {unknown} data */
  receive(data) {
    /** @type {any} */
    let message;
    try {
      message = JSON.parse(String(data));
    } catch {
      return; // nothing of the protocol
    }
    if (message.event === "media") this.tell("payload", fromBase64(message.media.payload));
    else if (message.event === "mark") this.tell("mark", String(message.mark.name));
    else if (message.event === "clear") this.tell("clear");
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  closed(code, reason) {
    const expected = this.ended || code === 1000 || code === 1001;
    const refused = "the bot did not take the call: it may be busy, or not be open to this address";
    this.ended = true;
    this.tell("closed", expected ? "" : reason || (this.opened ? "the connection was lost" : refused));
  }

  next() {
    this.sequence += 1;
    return String(this.sequence);
  }

  /** @param {object} message */
  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @returns {string} a name for a call, in the carrier's way */
export function newCallSid() {
  return `CA${randomHex()}`;
}

function randomHex() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Uint8Array} bytes */
function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** @param {string} text */
function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
