"""Agents: a language model on the phone.

- `agent`: `Agent`, what is configured; `agent_call`: one call of it, turns in and replies out.
- `reply`: one reply, from the request to the last word played, with its fillers, deadlines and rounds of tools;
  `reply_stream`: a request on its way, also one that was begun at a likely end of the turn (`speculation`);
  `speech`: the utterances.
- `history`: what the model is given of the conversation: the words that the caller really heard. Pure.
- `tools`: functions as tools; `http_tool`: those declared in YAML; `tool_runs`: they run beside the talk; `policy`: the
  built-in ones, which only do what the configuration names.
- `agent_file`: an agent from YAML; `wording`: what is said without the model.
"""
