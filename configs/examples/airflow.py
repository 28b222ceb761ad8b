"""captionmill each night from Airflow 3. Copy it into the folder of DAGs under another name, and
change the folder; the key is in the configuration's key_file. Exit codes: configs/README.md."""

import subprocess
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

LATER = {3: "pending at the service", 9: "the service cannot be reached", 75: "another run works"}
RUN = ["captionmill", "run", "--config", "nightly", "--no-wait", "--yes"]


@dag(schedule="15 2 * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def captionmill_nightly(folder: str = "/data/photos"):
    @task(retries=47, retry_delay=timedelta(minutes=30))
    def caption(images: str) -> None:
        code = subprocess.run([*RUN, images], check=False).returncode
        if code in LATER:
            raise RuntimeError(LATER[code])  # tried again: nothing is paid for twice
        if code == 4:
            raise AirflowSkipException("the budget is used up, the rest stays pending")
        if code:
            raise AirflowFailException(f"exit code {code}: a person should read the log")

    caption(folder)


captionmill_nightly()
