"""captionmill each night from Prefect 3. Copy it under another name (this one hides the package),
change the folder, and start it; the key is in the configuration's key_file. Exit codes:
configs/README.md."""

import subprocess

from prefect import flow, task

LATER = {3: "pending at the service", 9: "the service cannot be reached", 75: "another run works"}
RUN = ["captionmill", "run", "--config", "nightly", "--no-wait", "--yes"]


class Later(Exception):
    """What is tried again: nothing is paid for twice."""


def is_later(_task, _run, state) -> bool:
    return isinstance(state.result(raise_on_failure=False), Later)


@task(retries=47, retry_delay_seconds=1800, retry_condition_fn=is_later)
def caption(folder: str) -> str:
    code = subprocess.run([*RUN, folder], check=False).returncode
    if code in LATER:
        raise Later(LATER[code])
    if code not in (0, 4):
        raise RuntimeError(f"exit code {code}: a person should read the log")
    return "over budget, the rest stays pending" if code else "done"


@flow
def captionmill_nightly(folder: str = "/data/photos") -> str:
    return caption(folder)


if __name__ == "__main__":
    captionmill_nightly.serve(name="captionmill", cron="15 2 * * *")
