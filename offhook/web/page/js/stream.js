// One call over a WebSocket, in the plain protocol of docs/stream-protocol.md: control in JSON, audio binary.

const MAX_BUFFERED_BYTES = 32 * 1024; // of a connection that does not get rid of it: some seconds of audio

/**
 * Dispatches "open", "payload" (detail: Uint8Array of mu-law), "mark" (detail: its name), "clear", and "closed" (detail: why,
 * empty if all is well).
 */
export class Stream extends EventTarget {
  /**
   * @param {string} url
   * @param {string} callId
   * @param {string} [called] the number
   * @param {Record<string, string>} [parameters] for the dialog
   */
  constructor(url, callId, called = "bot", parameters = {}) {
    super();
    this.callId = callId;
    this.called = called;
    this.parameters = parameters;
    this.opened = false;
    this.ended = false;
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.start();
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = ({ code, reason }) => this.closed(code, reason);
  }

  start() {
    this.opened = true;
    const parties = { call: this.callId, from: "browser", to: this.called, parameters: this.parameters };
    this.send({ event: "start", encoding: "mulaw", rate: 8000, ...parties });
    this.emit("open");
  }

  /** @param {Uint8Array<ArrayBuffer>} payload 20 ms of mu-law */
  media(payload) {
    if (this.open && this.socket.bufferedAmount <= MAX_BUFFERED_BYTES) this.socket.send(payload);
  }

  /** @param {string} digit 0-9, * or # */
  dtmf(digit) {
    this.send({ event: "dtmf", digit });
  }

  /** @param {string} text what the caller types instead of speaking */
  type(text) {
    this.send({ event: "text", text });
  }

  /** @param {string} name of a mark whose audio has been played or dropped */
  mark(name) {
    this.send({ event: "mark", name });
  }

  /** Hang up. */
  stop() {
    if (this.ended) return;
    this.ended = true;
    this.send({ event: "stop" });
    this.socket.close(1000);
  }

  /** @param {ArrayBuffer | string} data */
  receive(data) {
    if (typeof data !== "string") {
      this.emit("payload", new Uint8Array(data));
      return;
    }
    /** @type {any} */
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // nothing of the protocol
    }
    if (message.event === "mark") this.emit("mark", String(message.name));
    else if (message.event === "clear") this.emit("clear");
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  closed(code, reason) {
    const expected = this.ended || code === 1000 || code === 1001;
    const refused = "the bot did not take the call: it may have become busy. Press Talk again";
    this.ended = true;
    this.emit("closed", expected ? "" : reason || (this.opened ? "the connection was lost" : refused));
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** @param {object} message */
  send(message) {
    if (this.open) this.socket.send(JSON.stringify(message));
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @returns {string} a name for a call */
export function newCallId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `browser-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
