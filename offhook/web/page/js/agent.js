// What a language model and its tools do in a call, as events. Pure, like the model of the call that they belong to.

/**
 * @typedef {import("./model.js").CallModel} CallModel
 * @typedef {import("./model.js").LiveEvent} LiveEvent
 * @typedef {import("./model.js").Line} Line
 * @typedef {object} Reply of a language model
 * @property {number} asked when
 * @property {string} model
 * @property {number} exchange the caller's turn that it is for, counted from their first
 * @property {"no" | "perhaps" | "used" | "dropped"} early whether it was begun before the turn was over
 * @property {number} savedMs
 * @property {string} text so far
 * @property {Line | null} line
 * @property {{input: number, cached: number, output: number}} tokens
 * @property {number} cost
 * @typedef {{models: string[], input: number, cached: number, output: number, cost: number, used: number, dropped: number,
 *   wasted: number, savedMs: number}} Usage
 */

const SAME_S = 0.0015; // times are rounded to a millisecond

/** @type {Record<string, (call: CallModel, event: LiveEvent) => void>} */
export const AGENT_HANDLERS = {
  asked(call, event) {
    call.replies.push({
      asked: event.at,
      model: event.model,
      exchange: call.exchange + (event.speculative ? 1 : 0),
      early: event.speculative ? "perhaps" : "no",
      savedMs: 0,
      text: "",
      line: null,
      tokens: { input: 0, cached: 0, output: 0 },
      cost: 0,
    });
  },
  writing(call, event) {
    wrote(call, event);
  },
  replied(call, event) {
    const reply = wrote(call, event);
    if (!reply) return;
    if (event.retried) {
      call.replies = call.replies.filter((each) => each !== reply);
      call.add("note", event.at, { text: `${event.model} failed, and is asked again: ${event.error}` });
      return;
    }
    Object.assign(reply, { tokens: event.tokens, cost: event.cost });
    // Nobody waits for it any more: what it has written is not going to be said.
    if (reply.line?.draft && event.error) reply.line.open = false;
  },
  speculated(call, event) {
    const reply = call.replies.findLast(({ early }) => early === "perhaps");
    if (!reply) return;
    Object.assign(reply, { early: event.used ? "used" : "dropped", savedMs: event.saved_ms });
    if (!event.used) reply.tokens.output ||= event.tokens;
    if (reply.line) reply.line.early = false;
    if (!event.used) call.lines = call.lines.filter((line) => line !== reply.line);
  },
  tool(call, event) {
    const { name, arguments: given, result_chars: chars, ms, error } = event;
    call.add("tool", event.at - ms / 1000, { text: name, tool: { given, chars, ms, error } });
  },
};

/**
 * @param {CallModel} call
 * @param {LiveEvent} event with the text so far of the reply to the request of `asked`
 */
function wrote(call, event) {
  const reply = call.replies.findLast(({ asked }) => Math.abs(asked - event.asked) < SAME_S);
  if (!reply) return undefined;
  reply.text = event.text;
  if (reply.early === "dropped" || !reply.text.trim()) return reply;
  const speaking = call.speaking();
  if (!reply.line && speaking && begins(reply.text, speaking.text)) reply.line = adopted(speaking);
  reply.line ??= call.add("bot", event.at, { open: true, draft: true, model: true, early: reply.early === "perhaps" });
  if (reply.line.open) reply.line.text = reply.text;
  return reply;
}

/**
 * @param {CallModel} call
 * @param {LiveEvent} event the bot begins to say a text
 * @returns {boolean} whether it is what a model has written: its line is then the one that is spoken
 */
export function speakReply(call, event) {
  const reply = call.replies.findLast(({ line, text }) => line?.draft && line.open && begins(text, event.text));
  if (!reply?.line) return false;
  call.lines = call.lines.filter((line) => line !== reply.line);
  call.place(Object.assign(adopted(reply.line), { at: event.at, early: false }));
  return true;
}

/** @param {Line} line that says what a model has written */
function adopted(line) {
  return Object.assign(line, { draft: false, model: true });
}

/**
 * @param {string} whole
 * @param {string} part
 */
function begins(whole, part) {
  return part.trim() !== "" && whole.trim().startsWith(part.trim());
}

/**
 * @param {Reply[]} replies
 * @returns {Usage} their sums
 */
export function usageOf(replies) {
  const sum = (/** @type {(reply: Reply) => number} */ part) => replies.reduce((total, reply) => total + part(reply), 0);
  const dropped = replies.filter(({ early }) => early === "dropped");
  return {
    models: [...new Set(replies.map(({ model }) => model))],
    input: sum(({ tokens }) => tokens.input),
    cached: sum(({ tokens }) => tokens.cached),
    output: sum(({ tokens }) => tokens.output),
    cost: sum(({ cost }) => cost),
    used: replies.filter(({ early }) => early === "used").length,
    dropped: dropped.length,
    wasted: dropped.reduce((total, { tokens }) => total + tokens.output, 0),
    savedMs: sum(({ early, savedMs }) => (early === "used" ? savedMs : 0)),
  };
}

/**
 * @param {any} agent of a record
 * @returns {Usage}
 */
export function usageInRecord({ models, cost, speculation }) {
  const sum = (/** @type {string} */ name) => models.reduce((/** @type {number} */ total, /** @type {any} */ each) => total + each[name], 0);
  return {
    models: models.map((/** @type {any} */ each) => each.model),
    input: sum("input_tokens"),
    cached: sum("cached_tokens"),
    output: sum("output_tokens"),
    cost,
    used: speculation.used,
    dropped: speculation.dropped,
    wasted: speculation.wasted_tokens,
    savedMs: 1000 * speculation.saved_s,
  };
}
