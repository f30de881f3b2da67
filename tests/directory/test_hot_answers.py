"""Answers kept in memory: how many there may be, and which must not be kept."""

from uuid import UUID, uuid4

from services.directory.hot_answers import HotAnswer, HotAnswers


def _answer(size: int) -> HotAnswer:
    return HotAnswer(b"x" * size, {})


def test_long_answers_take_the_place_of_several() -> None:
    """Pages of many records must not fill the memory that was meant for single ones."""
    answers = HotAnswers(100)
    answers.trust()
    for number in range(1_000):
        answers.keep(("page", number), None, _answer(40_000), answers.clock)
    kept = [number for number in range(1_000) if answers.find(("page", number))]
    assert kept == list(range(1_000 - len(kept), 1_000))
    assert 5 <= len(kept) <= 10


def test_an_answer_kept_twice_counts_once() -> None:
    """Two requests that read the same record at the same time both keep it."""
    answers = HotAnswers(3)
    answers.trust()
    for _ in range(10):
        answers.keep("record", UUID(int=1), _answer(1), answers.clock)
    answers.keep("other", UUID(int=2), _answer(1), answers.clock)
    assert answers.find("record") is not None
    answers.forget([UUID(int=1)])
    assert answers.find("record") is None
    assert answers.find("other") is not None


def test_a_read_that_began_before_a_change_is_not_kept() -> None:
    """It would put back what the change has made old."""
    answers = HotAnswers(100)
    answers.trust()
    clock = answers.clock
    record = uuid4()
    answers.forget([record])
    answers.keep("record", record, _answer(1), clock)
    answers.keep("page", None, _answer(1), clock)
    answers.keep("another", uuid4(), _answer(1), clock)
    assert answers.find("record") is None
    assert answers.find("page") is None
    assert answers.find("another") is not None


def test_nothing_read_before_the_log_was_known_is_kept() -> None:
    """What changed until then is not on the part of the log that is watched."""
    answers = HotAnswers(100)
    early = answers.clock
    answers.keep("kept early", UUID(int=1), _answer(1), early)
    answers.begin()
    answers.trust()
    answers.keep("read early", UUID(int=2), _answer(1), early)
    answers.keep("read later", UUID(int=3), _answer(1), answers.clock)
    found = [answers.find(key) is not None for key in ("kept early", "read early", "read later")]
    assert found == [False, False, True]
