"""A CSV of VaR and CVaR forecasts beside what happened, as banks and vendors write it. Nothing in it is guessed.

What is unambiguous is read as it is meant (dates out of order, VaR as a negative return, percent signs) and said;
what is not is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.desk.stream_rows import Key
from riskengine.errors import DataError, ImplausibleError
from riskengine.risk import Validation, validate

Array = np.ndarray

_RETURN = {"return", "returns", "ret", "rets", "r", "pnl", "p_l", "pl", "p_and_l", "profit", "realised", "realized",
           "realised_return", "realized_return", "portfolio_return", "daily_return", "actual", "hypothetical_pnl",
           "actual_pnl", "clean_pnl"}  # fmt: skip
_LOSS = {"loss", "losses", "realised_loss", "realized_loss", "portfolio_loss"}
_VAR = {"var", "value_at_risk", "valueatrisk", "var_forecast"}
_CVAR = {"cvar", "es", "expected_shortfall", "expectedshortfall", "conditional_var", "conditional_value_at_risk", "etl",
         "expected_tail_loss", "tvar", "avar", "cvar_forecast", "es_forecast"}  # fmt: skip
_DATE = {"date", "dates", "day", "time", "timestamp", "datetime", "asof", "as_of", "as_of_date", "trade_date",
         "business_date", "key", "unnamed_0", ""}  # fmt: skip
_LEVEL = re.compile(r"^(.*?)_?(?:p)?(\d{2}(?:_\d+)?|0_\d+)(?:_?(?:pct|percent))?$|^(\d{2}(?:_\d+)?)_(.*)$")
_APART = 30.0
"""Ratio of the sizes of VaR and returns from which on they are in different units."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a file says.

    Attributes
    ----------
    losses, value_at_risk, cvar : (days,) in the order of time; CVaR None where there is none
    notes : how the file was read, one line each
    """

    losses: Array
    value_at_risk: Array
    cvar: Array | None
    notes: tuple[str, ...]


def read_forecasts(path: Path, level: float) -> Forecasts:
    """Read a table with a date, a return (or loss), VaR and perhaps CVaR.

    Parameters
    ----------
    path : CSV; columns go by the usual names, in any case: ``date``, ``return``, ``pnl`` or ``loss``, ``var`` or
        ``var_99``, ``cvar``, ``es`` or ``expected_shortfall``
    level : confidence that is tested

    Raises
    ------
    ImplausibleError
        If returns and VaR are in different units, or returns are prices.
    DataError
        If a column is missing or there are two of a kind, a cell is no number, a date is none or comes twice, or signs
        are mixed. The message names row and column.
    """
    table = _table(path)
    notes: list[str] = []
    found = _columns(path, list(table.columns), level)
    unknown = [str(name) for name in table.columns if name not in found.values()]
    if unknown:
        notes.append(f"columns not used: {', '.join(unknown)}")
    if "date" in found:
        table = _in_order(path, table, found["date"], notes)
    else:
        notes.append("no date column: the rows are taken as they stand, the oldest first")
    numbers = {kind: _numbers(path, table[name], notes) for kind, name in found.items() if kind != "date"}
    for kind in ("var", "cvar"):
        if kind in numbers:
            numbers[kind] = _as_losses(path, found[kind], numbers[kind], notes)
    losses = numbers["loss"] if "loss" in numbers else -numbers["return"]
    _check_units(path, losses, numbers["var"], notes)
    said = {kind: f"{name!r}" for kind, name in found.items()}
    notes.insert(0, "read as " + ", ".join(f"{kind}: {name}" for kind, name in said.items()))
    return Forecasts(losses, numbers["var"], numbers.get("cvar"), tuple(notes))


def _table(path: Path) -> pd.DataFrame:
    """Cells as text."""
    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from error
    first = text.lstrip().split("\n", 1)[0]
    comma = "," in first
    if not comma and ";" in first and re.search(r"\d,\d", text):
        raise DataError(
            f"{path} has semicolons and decimal commas: write commas between cells and 0.01 for numbers"
        )
    try:
        table = pd.read_csv(
            path, sep="," if comma else ";", dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} is not a table of numbers: {error}") from error
    if isinstance(table.index, pd.MultiIndex) or not isinstance(table.index, pd.RangeIndex):
        raise DataError(f"{path}: rows have more cells than the header has names")
    return table.set_axis(table.columns.map(lambda name: str(name).strip()), axis=1)


def _columns(path: Path, names: list[str], level: float) -> dict[str, str]:
    """Which column is what."""
    found: dict[str, list[tuple[str, float | None]]] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        base, said = plain, None
        match = _LEVEL.match(plain)
        if match and plain not in _VAR | _CVAR:
            digits = match[2] or match[3]
            base = (match[1] if match[2] else match[4]).strip("_")
            said = float(digits.replace("_", "."))
            said = said if said < 1 else said / 100
        for kind, known in (
            ("return", _RETURN),
            ("loss", _LOSS),
            ("date", _DATE),
            ("var", _VAR),
            ("cvar", _CVAR),
        ):
            if base in known and (said is None or kind in ("var", "cvar")):
                found.setdefault(kind, []).append((name, said))
    named = [entry for entry in found.get("date", []) if not entry[0].startswith("Unnamed")]
    if named:  # beside the numbers of rows that pandas writes
        found["date"] = named
    chosen = {}
    for kind, candidates in found.items():
        fitting = [name for name, said in candidates if said is None or abs(said - level) < 1e-9]
        if not fitting:
            levels = ", ".join(f"{name!r}" for name, _ in candidates)
            raise DataError(
                f"{path}: {levels} is not of the level {level:g} that is tested: say --level, or name it so"
            )
        if len(fitting) > 1:
            raise DataError(f"{path}: {' and '.join(map(repr, fitting))} are both a {kind}: keep one")
        chosen[kind] = fitting[0]
    if "var" not in chosen or len({"return", "loss"} & set(chosen)) != 1:
        raise DataError(
            f"{path} needs the columns var and return (or loss), and may have cvar and date; it has "
            f"{', '.join(names[:12])}"
        )
    return chosen


def _in_order(path: Path, table: pd.DataFrame, name: str, notes: list[str]) -> pd.DataFrame:
    """The rows in the order of their dates."""
    keys = []
    for row, text in enumerate(table[name], start=2):
        try:
            keys.append(Key.parse(text))
        except DataError as error:
            raise DataError(f"{path}: row {row}, {name}: {error}") from error
    if len({key.of_date for key in keys}) > 1:
        raise DataError(f"{path}: {name} holds dates and whole numbers: keep one kind")
    values = np.array([key.value for key in keys])
    order = np.argsort(values, kind="stable")
    same = np.flatnonzero(np.diff(values[order]) == 0)
    if len(same):
        first, second = order[same[0]], order[same[0] + 1]
        raise DataError(
            f"{path}: {keys[second].text} comes twice, in rows {min(first, second) + 2} and {max(first, second) + 2}: "
            "keep one row a date"
        )
    if (np.diff(order) != 1).any():
        notes.append(f"rows sorted by {name}, {keys[order[0]].text} to {keys[order[-1]].text}")
    return table.iloc[order]


def _numbers(path: Path, column: pd.Series, notes: list[str]) -> Array:
    """Numbers of cells, NaN where they are empty; percent signs are read if all have one."""
    text = column.str.strip()
    empty = text.str.lower().isin(["", "nan", "na", "n/a", "null", "none", "-"]).to_numpy()
    signed = text.str.endswith("%").to_numpy()
    if signed.any() and not (signed | empty).all():
        raise DataError(f"{path}: some cells of {column.name} have a percent sign and some have not")
    plain = text.str.rstrip("%").where(~empty, "nan")
    numbers = pd.to_numeric(plain, errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(np.isnan(numbers) & ~empty)
    if len(bad):
        row = int(column.index[bad[0]]) + 2
        raise DataError(
            f"{path} is not a table of numbers: row {row}, {column.name}: {column.iloc[bad[0]]!r}"
        )
    if signed.any():
        notes.append(f"{column.name}: percent signs read as fractions")
        return numbers / 100
    return numbers


def _as_losses(path: Path, name: str, numbers: Array, notes: list[str]) -> Array:
    """VaR as a positive loss, where all of it has one sign."""
    known = numbers[~np.isnan(numbers)]
    if len(known) and (known < 0).all():
        notes.append(f"{name}: all negative, read as returns; losses are their negatives")
        return -numbers
    below, above = int((known < 0).sum()), int((known > 0).sum())
    if below:
        raise DataError(
            f"{path}: {name} is negative in {below} rows and positive in {above}: give it one sign, positive for a loss"
        )
    return numbers


def _check_units(path: Path, losses: Array, var: Array, notes: list[str]) -> None:
    """Whether returns and VaR can be of one unit."""
    x, v = losses[~np.isnan(losses)], var[~np.isnan(var)]
    if not len(x) or not len(v) or np.isinf(x).any():
        return
    if len(x) >= 20 and ((x < 0).all() or (x > 0).all()) and np.median(np.abs(x)) > 0.5:
        raise ImplausibleError(
            f"{path}: the returns all have one sign and are large: prices? Hand in returns"
        )
    size, forecast = float(np.sqrt(np.mean(x**2))), float(np.median(v))
    if size > 0 and forecast > 0 and not 1 / _APART < forecast / size < _APART:
        which = ("returns", "VaR") if forecast < size else ("VaR", "returns")
        raise ImplausibleError(
            f"{path}: the typical VaR is {forecast:.3g}, and the typical return {size:.3g}: {which[0]} in percent "
            f"or in money and {which[1]} in fractions? Bring both to one unit"
        )
    if np.median(np.abs(x)) > 0.2:
        notes.append(
            "figures are not fractions (percent, or money): the tests do not depend on the unit, mean_loss does"
        )


def validate_file(forecasts: Path, level: float, draws: int) -> tuple[Validation, dict[str, Any]]:
    """Test the forecasts of a CSV; what was found, and the same with units and how the file was read, for JSON.

    Raises
    ------
    DataError
        As :func:`read_forecasts` and :func:`riskengine.risk.validate`.

    Examples
    --------
    >>> import tempfile
    >>> rows = [f"{loss:.4f},0.0233" for loss in 0.01 * np.random.default_rng(0).standard_normal(500)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "forecasts.csv"
    ...     _ = path.write_text("\\n".join(["loss,var", *rows]))
    ...     found, content = validate_file(path, 0.99, draws=199)
    >>> found.exceptions, found.holds
    (4, True)
    """
    read = read_forecasts(forecasts, level)
    found = validate(read.losses, read.value_at_risk, read.cvar, level, draws=draws)
    percent = f"{100 * level:g}%"
    units = {
        "var": f"loss in the unit of the file over one row of it, {percent}",
        "cvar": f"mean loss in the unit of the file beyond VaR, {percent}",
        "exceptions": "number of rows with a loss beyond VaR",
        "expected": f"number of rows, {1 - level:.4g} of them",
        "zone": "of the last 250 rows, or of all if there are fewer",
        "p_value": "mid-p by simulation; p_low and p_high with ties counted one way and the other",
    }
    return found, found.to_dict() | {"notes": list(read.notes), "units": units}
