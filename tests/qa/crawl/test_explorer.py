"""What a crawler finds of IVRs that are made up: everything within its depth, loops and endings, and no more calls than
it may."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from offhook.qa.crawl.explorer import ATTEMPTS, MAX_FAILED_CALLS, Explorer
from offhook.qa.crawl.graph import LISTEN, Action, CrawlLimits, Ending, Node, Reached, Tried

KEYS = tuple(Action("press", key) for key in "123")
ACTIONS = (LISTEN, *KEYS)
END = -1
Next = int | Ending


@dataclass
class Ivr:
    """States by number, from 0: what follows each action, END after those that hang up. `sound` is what is heard."""

    ways: list[dict[Action, Next]]
    ends: set[int] = field(default_factory=set)
    sound: Callable[[int], int] = lambda state: state
    calls: int = 0
    walks: list[list[tuple[int, Action]]] = field(default_factory=list)

    def call(self, explorer: Explorer) -> None:
        """One call, as the driver makes it."""
        self.calls += 1
        state, walk = 0, list[tuple[int, Action]]()
        self.walks.append(walk)
        while True:
            action = explorer.heard(self.sound(state), is_up=state not in self.ends)
            if state in self.ends:
                explorer.ended(Ending.HUNG_UP)
                return
            if action is None:
                return
            walk.append((state, action))
            after = self.ways[state][action]
            if isinstance(after, Ending):
                explorer.ended(after, after_s=10.0)
                return
            state = after

    def crawl(self, limits: CrawlLimits, most_calls: int = 2_000) -> Explorer:
        explorer = Explorer(KEYS, limits)
        while self.calls < most_calls and explorer.begin():
            self.call(explorer)
        return explorer

    def distances(self) -> dict[int, int]:
        found, waiting = {0: 0}, [0]
        for state in waiting:
            for after in self.ways[state].values() if state not in self.ends else ():
                if not isinstance(after, Ending) and after not in found:
                    found[after] = found[state] + 1
                    waiting.append(after)
        return found


@st.composite
def ivrs(draw: st.DrawFn) -> Ivr:
    states = draw(st.integers(1, 7))
    after = st.one_of(st.integers(0, states - 1), st.sampled_from([Ending.SILENT, Ending.HUNG_UP, Ending.ENDLESS]))
    ways = [{action: draw(after) for action in ACTIONS} for _ in range(states)]
    ends = draw(st.sets(st.integers(1, states), max_size=2))
    return Ivr(ways, {each for each in ends if each < states})


@given(ivrs(), st.integers(1, 8))
def test_everything_within_the_depth_is_found_and_nothing_else(ivr: Ivr, depth: int) -> None:
    explorer = ivr.crawl(CrawlLimits(depth=depth))
    near = {state for state, distance in ivr.distances().items() if distance <= depth}
    sounds = explorer.sounds()
    assert {sounds[number] for number in explorer.nodes} >= near
    for tried, reached in explorer.edges.items():
        after = ivr.ways[sounds[tried.node]][tried.action]
        assert after == (reached.ending if reached.node is None else sounds[reached.node])
    paths = explorer.paths()
    for number, path in paths.items():
        node = explorer.nodes[number]
        if sounds[number] in ivr.ends:
            assert node.ending == Reached(None, Ending.HUNG_UP)
        elif len(path) < depth:
            assert {each.action for each in explorer.edges if each.node == number} == set(ACTIONS)
    assert not explorer.unsteady and not explorer.given_up()
    # One call for each thing to try, at the most, and one for the first prompt.
    assert ivr.calls <= 1 + len(explorer.nodes) * len(ACTIONS)
    assert all(len(walk) <= depth for walk in ivr.walks)


@given(ivrs())
def test_the_path_of_a_node_leads_there(ivr: Ivr) -> None:
    explorer = ivr.crawl(CrawlLimits(depth=8))
    sounds = explorer.sounds()
    for number, path in explorer.paths().items():
        state: Next = 0
        for tried in path:
            assert not isinstance(state, Ending) and sounds[tried.node] == state
            state = ivr.ways[state][tried.action]
        assert state == sounds[number]


@given(ivrs(), st.integers(0, 6))
def test_a_prompt_that_varies_is_one_node_where_it_is_expected(ivr: Ivr, varies: int) -> None:
    """The crawl ends: within its calls, and each further sound of the prompt is known for what it is by its place."""
    fresh = count(1_000)
    ivr.sound = lambda state: next(fresh) if state == varies else state
    explorer = ivr.crawl(CrawlLimits(depth=4, nodes=40), most_calls=300)
    assert ivr.calls <= 300
    if varies == 0 and ivr.calls > 1:
        assert explorer.nodes[0].variants >= ivr.calls - 1


def ways(*after: Next) -> dict[Action, Next]:
    """What follows `listen`, 1, 2, 3."""
    return dict(zip(ACTIONS, after, strict=True))


def test_silence_that_is_asked_again_and_then_ends() -> None:
    """The same prompt three times, then goodbye: a counter that is not to be seen."""
    asked = 0

    class Counting(Ivr):
        def call(self, explorer: Explorer) -> None:
            nonlocal asked
            self.calls += 1
            action, asked = explorer.heard(0), 1
            while action is not None:
                asked += action == LISTEN
                if action != LISTEN:
                    explorer.ended(Ending.SILENT)
                    return
                if asked == 4:
                    assert explorer.heard(1, is_up=False) is None
                    explorer.ended(Ending.HUNG_UP)
                    return
                action = explorer.heard(0)

    explorer = Counting([]).crawl(CrawlLimits())
    assert explorer.edges[Tried(0, LISTEN, 1)] == explorer.edges[Tried(0, LISTEN, 2)] == Reached(0)
    assert explorer.edges[Tried(0, LISTEN, 3)] == Reached(1)
    assert explorer.paths()[1] == tuple(Tried(0, LISTEN, times) for times in (1, 2, 3))
    assert explorer.nodes[1].ending == Reached(None, Ending.HUNG_UP)


def test_a_call_that_ends_soon_after_a_prompt_ends_by_itself() -> None:
    explorer = Explorer(KEYS, CrawlLimits())
    assert explorer.begin() and explorer.heard(0) == LISTEN
    explorer.ended(Ending.HUNG_UP, after_s=1.0)
    assert explorer.nodes[0].ending == Reached(None, Ending.HUNG_UP)
    assert not explorer.begin() and not explorer.edges


def test_a_call_that_ends_after_a_silence_is_an_edge() -> None:
    explorer = Explorer(KEYS, CrawlLimits())
    assert explorer.begin() and explorer.heard(0) == LISTEN
    explorer.ended(Ending.HUNG_UP, after_s=6.0)
    assert explorer.edges == {Tried(0, LISTEN): Reached(None, Ending.HUNG_UP)}
    assert explorer.begin() and explorer.plan == (Tried(0, KEYS[0]),)


def test_a_transfer_ends_the_prompt_that_announces_it() -> None:
    explorer = Explorer(KEYS, CrawlLimits())
    assert explorer.begin() and explorer.heard(0) == LISTEN
    explorer.ended(Ending.TRANSFERRED, "sip:desk@192.0.2.1", after_s=9.0)
    assert explorer.nodes[0].ending == Reached(None, Ending.TRANSFERRED, "sip:desk@192.0.2.1")


def test_calls_that_are_not_answered_end_the_crawl() -> None:
    explorer = Explorer(KEYS, CrawlLimits())
    for _ in range(MAX_FAILED_CALLS):
        assert explorer.begin()
        explorer.ended(Ending.REFUSED, "486 Busy Here")
    assert not explorer.begin() and not explorer.nodes


def test_calls_that_are_not_answered_do_not_count_as_attempts() -> None:
    explorer = Explorer(KEYS[:1], CrawlLimits())
    assert explorer.begin() and explorer.heard(0) == LISTEN
    explorer.ended(Ending.SILENT)
    for _ in range(MAX_FAILED_CALLS - 1):
        assert explorer.begin() and explorer.plan == (Tried(0, KEYS[0]),)
        explorer.ended(Ending.REFUSED, "486 Busy Here")
    assert explorer.begin() and explorer.heard(0) == KEYS[0] and explorer.failed_calls == 0


def test_a_prompt_from_which_something_follows_does_not_end_the_call() -> None:
    explorer = Explorer(KEYS[:1], CrawlLimits())
    assert explorer.begin() and explorer.heard(0) == LISTEN
    explorer.ended(Ending.SILENT)
    assert explorer.begin() and explorer.heard(0, is_up=False) is None
    explorer.ended(Ending.HUNG_UP)
    assert explorer.nodes[0].ending is None
    assert explorer.begin() and explorer.plan == (Tried(0, KEYS[0]),)


def test_a_lost_call_is_tried_again_and_then_given_up() -> None:
    explorer = Explorer((), CrawlLimits())
    for _ in range(ATTEMPTS):
        assert explorer.begin() and explorer.heard(0) == LISTEN
        explorer.ended(Ending.LOST)
    assert explorer.edges == {Tried(0, LISTEN): Reached(None, Ending.LOST)} and not explorer.begin()


def test_a_way_that_is_not_there_again_is_given_up() -> None:
    """The first prompt leads to another one by chance, and never again."""
    explorer = Explorer(KEYS[:1], CrawlLimits())
    assert explorer.begin() and explorer.heard(0) == LISTEN and explorer.heard(1) == LISTEN
    assert explorer.heard(0) is None
    while explorer.begin():
        action = explorer.heard(0)
        while action is not None:
            action = explorer.heard(0)  # now everything leads back
    assert Tried(1, KEYS[0]) in explorer.given_up() and Tried(0, LISTEN) in explorer.unsteady


def test_what_a_prompt_offers_is_tried_as_well() -> None:
    def look(node: Node, _: int) -> None:
        node.suggested = (Action("say", "sales"), KEYS[0])

    explorer = Explorer(KEYS[:1], CrawlLimits(), look)
    assert explorer.begin() and explorer.heard(0) == LISTEN
    assert explorer.actions_of(explorer.nodes[0]) == (LISTEN, KEYS[0], Action("say", "sales"))


def test_no_more_prompts_than_are_allowed() -> None:
    fresh = count()
    ivr = Ivr([ways(0, 0, 0, 0)], sound=lambda _: next(fresh))
    explorer = ivr.crawl(CrawlLimits(nodes=5, depth=50, repeats=0))
    assert len(explorer.nodes) >= 5 and ivr.calls < 20
