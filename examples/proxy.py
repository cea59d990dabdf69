"""A proxy: an actor that is used like an object, except that everything it gives is a future."""

from __future__ import annotations

from actors import Actor, ActorSystem, get_all, traversable


class Volume:
    """A plain object inside the actor. `traversable` says that a proxy may reach through to it."""

    def __init__(self) -> None:
        self.level = 5

    def louder(self) -> int:
        self.level = min(self.level + 1, 11)
        return self.level


class Jukebox(Actor):
    def __init__(self, songs: list[str]) -> None:
        super().__init__()
        self.songs = songs
        self.plays = 0
        self.volume = traversable(Volume())

    def play(self, number: int) -> str:
        self.plays += 1
        return f"♪ {self.songs[number]}"


def main() -> None:
    with ActorSystem() as system:
        jukebox = system.spawn(Jukebox, ["So What", "Blue in Green", "All Blues"]).proxy()

        song = jukebox.play(1)  # comes back at once; the jukebox plays in its own time
        print(f"a future: {type(song).__name__}")
        print(f"its value: {song.get(timeout=5)}")

        print("several at once:", ", ".join(get_all([jukebox.play(n) for n in (0, 2)], timeout=5)))

        print("an attribute:", jukebox.plays.get(), "plays")
        jukebox.plays = 0  # set by the actor, in its turn
        print("after setting it:", jukebox.plays.get(), "plays")

        print("through an attribute: volume", jukebox.volume.louder().get())

        jukebox.play.defer(2)  # like tell: no future, nobody waits
        print("after a deferred call:", jukebox.plays.get(), "play")

        try:
            jukebox.play(99).get()
        except IndexError as error:
            print(f"what the method raises, get() raises: {error}")


if __name__ == "__main__":
    main()
