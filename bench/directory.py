"""How long it takes to find a name among 10,000: `python -m bench.directory`."""

import random
import statistics
from time import process_time

from offhook.pipeline.tts.languages.rules import listed
from offhook.pipeline.understanding.directory import Directory, Person

FIRST = listed(
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret "
    "Donald Ashley Steven Kimberly Andrew Emily Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa "
    "George Deborah Timothy Stephanie Ronald Rebecca Jason Sharon Edward Laura Jeffrey Cynthia Ryan Dorothy Jacob Amy "
    "Gary Kathleen Nicholas Angela Eric Shirley Jonathan Emma Stephen Brenda Larry Pamela Justin Nicole Scott Anna "
    "Brandon Samantha Benjamin Katherine Samuel Christine Gregory Helen Alexander Debra Patrick Rachel Frank Carolyn "
    "Raymond Janet Jack Maria Dennis Catherine Jerry Heather"
)
LAST = listed(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson "
    "Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson "
    "Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell "
    "Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales "
    "Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson "
    "Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long "
    "Ross Foster Jimenez"
)
QUERIES = 1_000


def misheard(name: str, rng: random.Random) -> str:
    """The name with one letter replaced, as a recogniser may write it."""
    at = rng.randrange(1, len(name))
    return name[:at] + rng.choice("aeioulnrst") + name[at + 1 :] if name[at].isalpha() else name


def main() -> None:
    """Prints how long it took, and how many were found."""
    rng = random.Random(1)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    people = [Person(name, (), f"room {number}") for number, name in enumerate(names)]
    began = process_time()
    directory = Directory(people)
    loaded_s = process_time() - began
    took_ms, right = [], 0
    for _ in range(QUERIES):
        person = rng.choice(people)
        said = f"I'd like to speak to {misheard(person.name, rng)}"
        began = process_time()
        found = directory.said(said)
        took_ms.append(1000 * (process_time() - began))
        right += person in found
    took_ms.sort()
    print(f"{len(people)} people, loaded in {loaded_s:.2f} s")
    print(f"found: {100 * right / QUERIES:.1f} % of {QUERIES} names with a wrong letter (among up to three)")
    print(f"ms of CPU: {statistics.median(took_ms):.1f} at the median, {took_ms[QUERIES * 99 // 100]:.1f} at 99 %")


if __name__ == "__main__":
    main()
