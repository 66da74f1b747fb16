"""What people see of a backtest: one HTML page."""

from riskengine.report.backtest_page import headline, provenance_text, render, summary_rows, write_report

__all__ = ["headline", "provenance_text", "render", "summary_rows", "write_report"]
