"""What can go wrong while a file is read, in the lab's words."""


class UnreadableFile(Exception):
    """The file holds no table of results that can be read; the sentence says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
