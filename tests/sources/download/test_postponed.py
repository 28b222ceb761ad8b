from __future__ import annotations

from pipeline.sources.download.postponed import Job, PostponedJobs


def test_jobs_wait_until_their_host_has_rested() -> None:
    jobs = PostponedJobs(at_once=2)
    for number in range(5):
        jobs.add("a", Job(number, f"u{number}"), due=10)
    jobs.add("b", Job(9, "u9"), due=5)
    assert (len(jobs), jobs.next_due()) == (6, 5)
    assert list(jobs.due(4)) == []
    assert [job.number for job in jobs.due(6)] == [9]
    assert jobs.has("a")
    assert not jobs.has("b")
    first = list(jobs.due(10))
    assert [job.number for job in first] == [0, 1]
    assert {job.host for job in first} == {"a"}
    assert list(jobs.due(10)) == []  # no more at once
    jobs.done(first[0])
    assert [job.number for job in jobs.due(10)] == [2]


def test_a_job_that_is_refused_again_goes_to_the_end_of_its_queue() -> None:
    jobs = PostponedJobs(at_once=1)
    jobs.add("a", Job(0, "u0"))
    jobs.add("a", Job(1, "u1"))
    (job,) = jobs.due(0)
    jobs.done(job)
    jobs.add("a", job._replace(refused=1), due=7)
    assert list(jobs.due(6)) == []
    assert [job.number for job in jobs.due(7)] == [1]
    jobs.done(Job(5, "x"))  # of a host that never waited
    jobs.done(Job(1, "u1", host="a"))
    (again,) = jobs.due(8)
    assert (again.number, again.refused) == (0, 1)
    assert (len(jobs), jobs.next_due()) == (0, None)
