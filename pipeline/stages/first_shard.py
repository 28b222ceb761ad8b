"""First shard of a form of request that was never answered: small, and alone until it is back.

A service may refuse every request of a form alike; then a few are sent in vain, and not all.
"""

from __future__ import annotations

import json

from msgspec.structs import replace

from pipeline.core.request_form import is_answered, request_form
from pipeline.ledger.specs import FormUnderWay
from pipeline.stages.context import StageContext
from pipeline.stages.shard_options import ShardOptions

FIRST_PATIENCE = 3600
"""Seconds for which nothing follows the first shard of a form that was never answered."""


class FirstShard:
    """First shard of a run's form of request, or so many small ones as hold `options.first`.

    Attributes:
        options: how the next shards are written.
    """

    def __init__(
        self, context: StageContext, spec: int, options: ShardOptions, requests: int
    ) -> None:
        """Prepare for a run that is to send so many requests; without `options.first` none goes
        before the others."""
        self.options = options
        self._context, self._spec = context, spec
        self._left = requests
        self._said = False

    def wrote(self, requests: int) -> None:
        """Note requests that are written: when none is left there is nothing to hold back."""
        self._left -= requests

    def holds(self) -> bool:
        """Tell whether requests of the form are at the service, this run's or an earlier one's, so
        that nothing may follow yet."""
        first = self.options.first
        if first is None or self._left <= 0:
            return False
        ahead = self._under_way()
        late = ahead is not None and self._context.clock.now() - ahead.since >= FIRST_PATIENCE
        if late or self._is_answered():
            self.release()
            return False
        return ahead is not None and ahead.requests >= first

    def release(self) -> None:
        """Let all others go."""
        self.options = replace(self.options, first=None)

    def say(self, *, wait: bool) -> None:
        """Say once that these requests go alone, and when the others do."""
        ahead = self._under_way()
        if ahead is None or self._said:
            return
        self._said = True
        when = "when they have come back, or after an hour"
        if not wait:
            when = "with the next run after they have come back, or after an hour"
        self._context.say(
            "requests of this form were never answered here: the first "
            f"{ahead.requests:,} go alone, the others {when}"
        )

    def _under_way(self) -> FormUnderWay | None:
        specs = self._context.ledger.specs
        form = request_form(specs.canonical(self._spec))
        forms = (one for one in specs.under_way() if request_form(json.loads(one.spec)) == form)
        return next(forms, None)

    def _is_answered(self) -> bool:
        specs = self._context.ledger.specs
        return is_answered(specs.canonical(self._spec), specs.answered())
