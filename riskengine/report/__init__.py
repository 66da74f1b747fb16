"""What people see of a backtest: one HTML page."""

from riskengine.report.html import headline, render, summary_rows, write_report

__all__ = ["headline", "render", "summary_rows", "write_report"]
