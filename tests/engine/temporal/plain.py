"""A program of Temporal's own SDK and nothing else: what weft's runs call, and what calls weft."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

SOON = timedelta(seconds=30)


@activity.defn(name="Rates.rate")
async def rate(arguments: dict[str, Any], note: dict[str, Any]) -> float:
    """Return the rate of a currency; the note names the call."""
    currency = arguments["currency"]
    if currency == "atlantis":
        raise ApplicationError("unknown", {"currency": currency}, type="NoRate", non_retryable=True)
    assert note["caller"].startswith("convert/")
    return 1.25


@workflow.defn(name="audit")
class Audit:
    """Looks at a wish."""

    @workflow.run
    async def run(self, wish: dict[str, Any], note: dict[str, Any]) -> str:
        """Return a verdict; some wishes are not granted."""
        del note
        if wish["amount"] > 1_000:
            raise ApplicationError("nobody has that much", type="TooMuch", non_retryable=True)
        return f"{wish['amount']} {wish['currency']} is fine"


@workflow.defn(name="order")
class Order:
    """Uses a System of weft as it would use any other program."""

    @workflow.run
    async def run(self, weft_queue: str) -> dict[str, Any]:
        """Call an operation as an activity, and start a workflow as a child."""
        doubled: float = await workflow.execute_activity(
            "Till.double", {"amount": 2.5}, task_queue=weft_queue, start_to_close_timeout=SOON
        )
        child: float = await workflow.execute_child_workflow(
            "convert",
            {"amount": doubled, "currency": "EUR"},
            id=f"convert/{workflow.info().workflow_id}",
            task_queue=weft_queue,
        )
        return {"doubled": doubled, "child": child}
