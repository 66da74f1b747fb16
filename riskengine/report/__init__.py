"""What people see of a backtest: one HTML page."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.report.audit_page import ordered as ordered_findings
    from riskengine.report.audit_page import write_audit
    from riskengine.report.backtest_page import headline, provenance_text, render, summary_rows, write_report
    from riskengine.report.price_page import greek_cells, model_cells, render_price
    from riskengine.report.rebalance_page import RISK as RISK_LABELS
    from riskengine.report.rebalance_page import limit_label, render_rebalance, state_line
    from riskengine.report.smile_page import render_smile
    from riskengine.report.stress_page import cell as stress_cell
    from riskengine.report.stress_page import loss_horizon, render_stress

__all__ = [
    "RISK_LABELS",
    "greek_cells",
    "headline",
    "limit_label",
    "loss_horizon",
    "model_cells",
    "ordered_findings",
    "provenance_text",
    "render",
    "render_price",
    "render_rebalance",
    "render_smile",
    "render_stress",
    "state_line",
    "stress_cell",
    "summary_rows",
    "write_audit",
    "write_report",
]

lazy_face(__name__)
