"""What a reader of a backtest's numbers must know first: decisions that fell back, limits that were broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from riskengine.backtest.accounting import Breach
from riskengine.backtest.price_notes import count_held

OK = "ok"
_INFEASIBLE = "infeasible: "
_MOST_REASONS = 3


@dataclass(frozen=True)
class ResultFlag:
    """Flag of a result: a kind of decision or close at which a portfolio departed from its rules.

    Attributes
    ----------
    portfolio : its name
    kind : ``"infeasible"``, ``"all in cash"``, ``"fell back"``, ``"limit broken"`` or ``"doubtful prices"``
    count, of : decisions, or closes, with it, and in all
    message : one sentence with the counts and the cause
    serious : whether it is the strategy's own; what a benchmark did is said and no more
    """

    portfolio: str
    kind: str
    count: int
    of: int
    message: str
    serious: bool = True


def decision_flags(
    portfolio: str, status: pd.Series, notes: Sequence[str], serious: bool = True
) -> list[ResultFlag]:
    """Flags of the decisions whose status is not ``"ok"``.

    Parameters
    ----------
    portfolio : name
    status : of each decision, by date
    notes : of the result, each with its date before it

    Examples
    --------
    >>> status = pd.Series(["ok", "equal weight"], pd.to_datetime(["2024-01-31", "2024-02-29"]))
    >>> flags = decision_flags("mine", status, ["2024-02-29: infeasible: budget = 1; upper 0.1"])
    >>> flags[0].message
    '1 of 2 decisions was infeasible: budget = 1 and upper 0.1 clash; fell back to equal weight'
    """
    made = [(f"{date:%Y-%m-%d}", str(one)) for date, one in status.items()]
    odd = [(date, one) for date, one in made if one != OK]
    if not odd:
        return []
    said: dict[str, list[str]] = {}
    for note in notes:
        date, _, text = note.partition(": ")
        said.setdefault(date, []).append(text)
    clashes: dict[str, list[str]] = {}  # statuses by the clash behind them
    others: dict[str, list[str]] = {}  # reasons by status
    for date, one in odd:
        clash = next((text for text in said.get(date, ()) if text.startswith(_INFEASIBLE)), None)
        if clash is not None:
            clashes.setdefault(clash.removeprefix(_INFEASIBLE), []).append(one)
        else:
            others.setdefault(one, []).append("; ".join(said.get(date, ())))
    flags, total = [], len(made)
    if clashes:
        count = sum(map(len, clashes.values()))
        by_count = sorted(clashes, key=lambda clash: -len(clashes[clash]))
        shown = "; or ".join(_clash(clash) for clash in by_count[:_MOST_REASONS])
        more = f"; and {len(by_count) - _MOST_REASONS} other clashes" if len(by_count) > _MOST_REASONS else ""
        instead = _counted(one for statuses in clashes.values() for one in statuses)
        flags.append(
            ResultFlag(
                portfolio,
                "infeasible",
                count,
                total,
                f"{_decisions(count, total)} infeasible: {shown}{more}; {instead}",
                serious,
            )
        )
    for one, reasons in others.items():
        count = len(reasons)
        known = [reason for reason, _ in Counter(filter(None, reasons)).most_common()]
        why = f": {'; or '.join(known[:_MOST_REASONS])}" if known else ""
        if len(known) > _MOST_REASONS:
            why += f"; and {len(known) - _MOST_REASONS} other reasons"
        cash = one == "all in cash"
        what = "all in cash" if cash else f"not as asked ({one})"
        kind = "all in cash" if cash else "fell back"
        flags.append(
            ResultFlag(portfolio, kind, count, total, f"{_decisions(count, total)} {what}{why}", serious)
        )
    return flags


def breach_flags(
    portfolio: str, breaches: Sequence[Breach], closes: int, serious: bool = True
) -> list[ResultFlag]:
    """A flag for the stated limits that a book broke."""
    if not breaches:
        return []
    one = breaches[0]
    first = f"{one.limit} ({one.asset}) at {one.value:.1%} on {one.date}"
    more = f", and {len(breaches) - 1} more" if len(breaches) > 1 else ""
    message = f"a stated limit was broken {len(breaches)} time{'s' * (len(breaches) != 1)}: {first}{more}"
    return [ResultFlag(portfolio, "limit broken", len(breaches), closes, message, serious)]


def price_flags(portfolio: str, notes: Sequence[str], closes: int) -> list[ResultFlag]:
    """A flag for the serious findings of the audit on what was held; see ``riskengine.backtest.price_notes``."""
    count, first = count_held(notes)
    if not count:
        return []
    more = f", and {count - 1} more" if count > 1 else ""
    message = f"prices of what was held look wrong {count} time{'s' * (count != 1)}: {first}{more}"
    return [ResultFlag(portfolio, "doubtful prices", count, closes, message)]


def gathered(notes: Sequence[str]) -> list[str]:
    """Notes that differ only in the date they begin with, merged into one with the first date, the last and the count.

    Parameters
    ----------
    notes : of a result, in the order of time

    Examples
    --------
    >>> gathered(["2024-01-31: sold late", "2024-02-29: A is stale", "2024-03-29: sold late", "cash 2%"])
    ['2024-01-31 to 2024-03-29, 2 times: sold late', '2024-02-29: A is stale', 'cash 2%']
    """
    dates: dict[str, list[str]] = {}
    for note in notes:
        date, text = _dated(note)
        dates.setdefault(text, []).append(date)
    lines = []
    for text, when in dates.items():
        often = f"{when[0]} to {when[-1]}, {len(when)} times" if len(when) > 1 else when[0]
        lines.append(f"{often}: {text}" if when[0] else text)
    return lines


def _dated(note: str) -> tuple[str, str]:
    """The ISO date before a note, or nothing, and its text."""
    found = re.match(r"(\d{4}-\d\d-\d\d): (.*)", note, re.DOTALL)
    return (found[1], found[2]) if found else ("", note)


def _decisions(count: int, total: int) -> str:
    return f"{count} of {total} decisions {'was' if count == 1 else 'were'}"


def _clash(limits: str) -> str:
    """``a; b; c`` as ``a, b and c clash``."""
    names = limits.split("; ")
    if len(names) == 1:
        return f"{names[0]} cannot be met"
    return f"{', '.join(names[:-1])} and {names[-1]} clash"


def _counted(statuses: Iterable[str]) -> str:
    """What was done instead, with how often if it was not always the same."""
    counts = Counter(statuses).most_common()
    times = {one: f" ({count})" if len(counts) > 1 else "" for one, count in counts}
    dropped = [f"done {one}{times[one]}" for one, _ in counts if one.startswith("without")]
    held = [f"{one}{times[one]}" for one, _ in counts if not one.startswith("without")]
    return ", ".join([*dropped, *(["fell back to " + " and ".join(held)] if held else [])])
