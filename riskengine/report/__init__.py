"""What people see of a backtest: one HTML page."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.report.archive import Archive as Archive
    from riskengine.report.archive_days import KINDS as KINDS
    from riskengine.report.attribution_page import render_brinson as render_brinson
    from riskengine.report.attribution_page import render_reduction as render_reduction
    from riskengine.report.audit_page import counted_findings as counted_findings
    from riskengine.report.audit_page import ordered_findings as ordered_findings
    from riskengine.report.audit_page import write_audit as write_audit
    from riskengine.report.backtest_page import headline as headline
    from riskengine.report.backtest_page import provenance_text as provenance_text
    from riskengine.report.backtest_page import summary_rows as summary_rows
    from riskengine.report.backtest_page import write_report as write_report
    from riskengine.report.calibration_page import render_calibration as render_calibration
    from riskengine.report.day_changes import changes_page as changes_page
    from riskengine.report.day_changes import day_changes as day_changes
    from riskengine.report.figures import draw_calibration as draw_calibration
    from riskengine.report.figures import draw_frontier as draw_frontier
    from riskengine.report.figures import draw_result as draw_result
    from riskengine.report.forms import Document as Document
    from riskengine.report.forms import Forms as Forms
    from riskengine.report.forms import write_forms as write_forms
    from riskengine.report.holdings_page import gains_line as gains_line
    from riskengine.report.holdings_page import leverage as leverage
    from riskengine.report.holdings_page import money as money
    from riskengine.report.holdings_page import render_holdings as render_holdings
    from riskengine.report.labels import RISK_LABELS as RISK_LABELS
    from riskengine.report.labels import limit_label as limit_label
    from riskengine.report.live_page import render_live as render_live
    from riskengine.report.price_page import greek_cells as greek_cells
    from riskengine.report.price_page import model_cells as model_cells
    from riskengine.report.price_page import render_price as render_price
    from riskengine.report.price_page import total_rows as total_rows
    from riskengine.report.rebalance_page import render_rebalance as render_rebalance
    from riskengine.report.rebalance_sections import state_line as state_line
    from riskengine.report.risk_page import render_risk as render_risk
    from riskengine.report.risk_page import risk_cell as risk_cell
    from riskengine.report.smile_fits import fit_rows as fit_rows
    from riskengine.report.smile_fits import poor as poor
    from riskengine.report.smile_page import render_smile as render_smile
    from riskengine.report.stress_page import loss_horizon as loss_horizon
    from riskengine.report.stress_page import render_stress as render_stress
    from riskengine.report.stress_page import stress_cell as stress_cell
    from riskengine.report.summary_text import summary_text as summary_text

lazy_face(__name__)
