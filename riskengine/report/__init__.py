"""What people see of a backtest: one HTML page."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.report.backtest_page import headline, provenance_text, render, summary_rows, write_report

__all__ = ["headline", "provenance_text", "render", "summary_rows", "write_report"]

lazy_face(__name__)
