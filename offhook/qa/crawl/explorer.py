"""Decides what a crawler does next: pure.

Theory of operation. `begin` plans a call: by the shortest known way to the nearest prompt at which something has not
been tried, and then that. `heard` gets each prompt as the number of its sound and returns the next action, or None:
hang up. Behind its plan a call goes on for as long as it leads to prompts that are new; an action that leads back to
its own prompt is repeated a few times, since being asked again too often is a way out as well. `listen` comes first at
each prompt, so that those are known after which the call ends by itself.

An unknown sound in a place where a prompt is expected is taken for that prompt: the same actions lead to the same
place, and a part of it varies. Another known prompt there ends the call; what cannot be reached in `ATTEMPTS` calls is
given up.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from offhook.qa.crawl.graph import LISTEN, Action, CrawlLimits, Ending, Node, Reached, Tried

ATTEMPTS = 2
"""How many calls try for the same thing."""

MAX_FAILED_CALLS = 3
"""So many calls in a row in which nothing is heard end the crawl."""

ENDS_WITHIN_S = 3.0
"""Who hangs up so soon after a prompt has not waited for the caller: no-input time-outs are longer."""

_UNDECIDED = (Ending.LOST, Ending.REFUSED)
_BY_ITSELF = (Ending.HUNG_UP, Ending.TRANSFERRED)

Look = Callable[[Node, int], None]
"""Completes a node that is new, by its sound: with its text, and what that suggests."""


class Explorer:
    """One crawl. `nodes` and `edges` are what is known, `unsteady` what had different results."""

    def __init__(self, actions: Sequence[Action], limits: CrawlLimits, look: Look = lambda *_: None) -> None:
        self._actions = (LISTEN, *(each for each in actions if each != LISTEN))
        self._limits = limits
        self._look = look
        self.nodes: dict[int, Node] = {}
        self.edges: dict[Tried, Reached] = {}
        self.unsteady: set[Tried] = set()
        self.failed_calls = 0
        """In a row."""
        self._node_of: dict[int, int] = {}  # by sound
        self._attempts: Counter[Tried] = Counter()
        self._plan: deque[Tried] = deque()
        self._here: int | None = None
        self._last: Tried | None = None  # whose result is not known yet
        self._done = 0

    def begin(self) -> bool:
        """Plan the next call; False: there is nothing left to try."""
        self._here = self._last = None
        self._done = 0
        self._plan.clear()
        if self.failed_calls >= MAX_FAILED_CALLS or len(self.nodes) >= self._limits.nodes:
            return False
        if not self.nodes:
            return True
        paths = self.paths()
        target = next(self._untried(paths), None)
        if target is None:
            return False
        self._attempts[target] += 1
        self._plan.extend((*paths[target.node], target))
        return True

    @property
    def plan(self) -> tuple[Tried, ...]:
        """What the call that has begun is going to do."""
        return tuple(self._plan)

    def heard(self, sound: int, *, is_up: bool = True) -> Action | None:
        """A prompt was heard, to its end; `is_up`: the far end has not hung up by then."""
        expected = self._plan[0].node if self._plan else None
        is_new = sound not in self._node_of
        if is_new:
            self._node_of[sound] = self._add(sound) if expected is None else expected
            if expected is not None:
                self.nodes[expected].variants += 1
        number = self._node_of[sound]
        self.failed_calls = 0
        before, self._here = self._last, number
        self._resolve(Reached(number))
        if not is_up:
            return None
        if expected is None:
            return self._go_on(number, before, is_new=is_new)
        if number != expected:
            if before is not None:
                self.unsteady.add(before)
            self._plan.clear()
            return None
        return self._do(self._plan.popleft())

    def ended(self, ending: Ending, about: str = "", *, after_s: float = 0.0) -> None:
        """The call has ended, or leads nowhere, `after_s` after the last action; not called where `heard` has let
        the caller hang up."""
        reached = Reached(None, ending, about)
        if self._here is None:
            self.failed_calls += 1
            if self._plan:
                self._attempts[self._plan[-1]] -= 1  # that was no attempt
            return
        if self._last is None:
            if not any(each.node == self._here for each in self.edges):  # else it was an accident
                self.nodes[self._here].ending = reached
        elif ending in _UNDECIDED and self._attempts[self._last] < ATTEMPTS:
            self._last = None
        elif (
            ending in _BY_ITSELF
            and self._last[1:] == (LISTEN, 1)
            and (after_s < ENDS_WITHIN_S or ending is Ending.TRANSFERRED)
        ):
            self.nodes[self._here].ending = reached
            self._last = None
        else:
            self._resolve(reached)

    def paths(self) -> dict[int, tuple[Tried, ...]]:
        """The shortest known way to each node: what is done, one after the other."""
        found: dict[int, tuple[Tried, ...]] = {}
        outgoing: dict[int, list[tuple[Tried, int]]] = {}
        for tried, reached in self.edges.items():
            if reached.node is not None and reached.node != tried.node:
                outgoing.setdefault(tried.node, []).append((tried, reached.node))
        first = next(iter(self.nodes), None)
        waiting: list[tuple[int, int, tuple[Tried, ...]]] = [] if first is None else [(0, first, ())]
        while waiting:
            length, number, path = heapq.heappop(waiting)
            if number in found:
                continue
            found[number] = path
            for tried, to in outgoing.get(number, ()):
                if to not in found:
                    repeated = tuple(Tried(number, tried.action, each + 1) for each in range(tried.times))
                    heapq.heappush(waiting, (length + tried.times, to, (*path, *repeated)))
        return found

    def sounds(self) -> dict[int, int]:
        """The first sound of each node."""
        found: dict[int, int] = {}
        for sound, number in self._node_of.items():
            found.setdefault(number, sound)
        return found

    def endings(self) -> set[int]:
        """The sounds of the nodes after which the call ends."""
        return {sound for sound, number in self._node_of.items() if self.nodes[number].ending is not None}

    def given_up(self) -> list[Tried]:
        """What could not be tried: the calls went another way."""
        return [each for each, count in self._attempts.items() if count >= ATTEMPTS and each not in self.edges]

    def too_deep(self) -> list[Node]:
        """The nodes at which nothing is tried, since they are as deep as it may be, or nobody got there again."""
        tried = {each.node for each in self.edges}
        return [node for node in self.nodes.values() if node.ending is None and node.number not in tried]

    def actions_of(self, node: Node) -> tuple[Action, ...]:
        """What is tried at a node."""
        return tuple(dict.fromkeys((*self._actions, *node.suggested)))

    def _untried(self, paths: dict[int, tuple[Tried, ...]]) -> Iterator[Tried]:
        """The nearest first."""
        for number, path in sorted(paths.items(), key=lambda each: (len(each[1]), each[0])):
            if len(path) < self._limits.depth:
                yield from self._open_at(self.nodes[number])

    def _open_at(self, node: Node) -> Iterator[Tried]:
        if node.ending is None:
            for action in self.actions_of(node):
                tried = Tried(node.number, action)
                if tried not in self.edges and self._attempts[tried] < ATTEMPTS:
                    yield tried

    def _add(self, sound: int) -> int:
        node = Node(len(self.nodes))
        self.nodes[node.number] = node
        self._look(node, sound)
        return node.number

    def _go_on(self, number: int, before: Tried | None, *, is_new: bool) -> Action | None:
        """The plan is done: what follows in the same call."""
        if self._done >= self._limits.depth:
            return None
        if before is not None and before.node == number and before.times <= self._limits.repeats:
            again = before._replace(times=before.times + 1)
            return None if again in self.edges else self._do(again)
        following = next(self._open_at(self.nodes[number]), None) if is_new else None
        if following is None:
            return None
        self._attempts[following] += 1
        return self._do(following)

    def _do(self, tried: Tried) -> Action:
        self._last = tried
        self._done += 1
        return tried.action

    def _resolve(self, reached: Reached) -> None:
        if self._last is not None:
            known = self.edges.setdefault(self._last, reached)
            if (known.node, known.ending) != (reached.node, reached.ending):
                self.unsteady.add(self._last)
            self._last = None
