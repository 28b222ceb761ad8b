from pipeline.stages.first_answers import FirstAnswers


def test_the_first_paid_answers_to_lines_are_taken() -> None:
    first = FirstAnswers(3)
    first.note_unpaid(2)
    assert first.take([1, None, 1, 2, 0], [-11, 7, 8, 9, 10]) == ([1, 0], [1, 2, 3])
    assert [first.fingerprint("", at) for at in range(3)] == [10, -11, None]
    assert first.has_all()


def test_a_paid_answer_comes_after_an_unpaid_one() -> None:
    first = FirstAnswers(2)
    first.note_unpaid(0)
    assert (first.has(0), first.has(1), first.has_all()) == (True, False, False)
    assert first.fingerprint("", 0) is None
    first.note_paid("", 0, 7)
    assert first.fingerprint("", 0) == 7


def test_foreign_lines_go_by_their_ids() -> None:
    first = FirstAnswers(0)
    first.note_unpaid(None)
    assert first.fingerprint("a", None) is None
    first.note_paid("a", None, 7)
    assert (first.fingerprint("a", None), first.fingerprint("b", None)) == (7, None)
