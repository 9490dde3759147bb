"""How the page looks: its style sheet, and layouts and styles that widgets share.

Large letters, one column on a phone, colours at 4.5:1 or more on white. Knows the classes that the parts carry;
nothing is loaded from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

INK, QUIET, LINK, EDGE = "#1b1f24", "#535b66", "#0b57a4", "#8a929c"

STYLE = f"""<style>
.pf-page {{ max-width: 1100px !important; margin: 0 auto !important; padding: 0 16px 48px; box-sizing: border-box;
  width: 100% !important; color: {INK}; background: #fff;
  font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }}
.pf-page, .pf-page .widget-html-content, .pf-page p {{ font-size: 16px; line-height: 1.45; }}
.pf-page h1 {{ font-size: 28px; line-height: 1.2; margin: 12px 0 0; }}
.pf-page h2 {{ font-size: 22px; line-height: 1.25; margin: 12px 0 2px; }}
.pf-page h3 {{ font-size: 18px; line-height: 1.3; margin: 10px 0 0; }}
.pf-page p {{ margin: 4px 0; }}
.pf-page > *, .pf-column > *, .pf-row > *, .pf-tiles > * {{ min-width: 0; }}
.pf-column, .pf-row, .pf-tiles, .pf-html {{ overflow: visible; height: auto; margin: 0; }}
.pf-column {{ gap: 10px; }}
.pf-row {{ gap: 10px; align-items: flex-end; }}
.pf-tiles {{ gap: 18px 14px; align-items: start; }}
.pf-html > .widget-html-content {{ overflow-wrap: anywhere; }}
.pf-page .pf-greeting {{ font-size: 18px; font-weight: 600; margin: 4px 0; }}
.pf-quiet, .pf-page .pf-quiet {{ color: {QUIET}; font-size: 15px; }}
.pf-said, .pf-warned {{ padding: 10px 14px; border-radius: 8px; border-left: 6px solid; }}
.pf-page .pf-said {{ background: #eaf3fb; border-color: {LINK}; }}
.pf-page .pf-warned {{ background: #fdeceb; border-color: #b3261e; color: #7a130d; font-weight: 600; }}
.pf-page .pf-field {{ flex-direction: column; align-items: stretch; height: auto; margin: 0; flex: 1 1 200px; }}
.pf-page .pf-field > label, .pf-page .pf-chooser > label {{ display: block; width: auto; max-width: none; height: auto;
  text-align: left; font-size: 15px; font-weight: 600; color: {INK}; line-height: 1.4; white-space: normal;
  overflow: visible; margin: 0 0 2px; padding: 0; }}
.pf-page .pf-field input, .pf-page .pf-field select, .pf-page .pf-field textarea {{ width: 100%; box-sizing: border-box;
  min-height: 44px; height: auto; font-size: 16px; padding: 8px 10px; border: 1px solid {EDGE}; border-radius: 8px;
  background: #fff; color: {INK}; }}
.pf-page .pf-field > input, .pf-page .pf-field > select, .pf-page .pf-field > textarea {{ flex: none; margin: 0; }}
.pf-page .pf-field select {{ appearance: auto; }}
.pf-page .pf-place > .pf-button {{ align-self: flex-start; margin-top: 6px; }}
.pf-row:has(> .pf-place > .pf-button) {{ align-items: flex-start; }}
.pf-page .pf-field textarea {{ min-height: 76px; font-family: inherit; }}
.pf-page .pf-column > .pf-field {{ flex: none; }}
.pf-page .pf-column > .pf-button {{ align-self: flex-start; }}
.pf-preview {{ flex-wrap: nowrap; align-items: center; }}
.pf-preview > .pf-grow {{ flex: 1 1 0; }}
.pf-page .pf-preview > .pf-button {{ flex: none; }}
.pf-beside, .pf-pair {{ align-items: flex-start; }}
.pf-beside > .pf-pair {{ flex: 1 1 314px; max-width: 528px !important; flex-wrap: nowrap; }}
.pf-beside > .pf-tiles {{ flex: 1 1 290px; }}
.pf-pair > .pf-pet, .pf-pair > .pf-html {{ flex: 1 1 145px; max-width: 250px !important; }}
.pf-page .leaflet-div-icon {{ background: none; border: none; }}
.pf-map-name {{ white-space: nowrap; font-weight: 600; font-size: 13px; color: #1b1f24;
  text-shadow: 0 0 3px #fff, 0 0 3px #fff, 0 0 3px #fff; }}
.pf-page .pf-tick {{ height: auto; margin: 0; flex: 1 1 100%; }}
.pf-page .pf-tick label {{ font-size: 16px; line-height: 1.4; white-space: normal; height: auto; color: {INK};
  display: flex; gap: 8px; align-items: center; min-height: 44px; }}
.pf-page .pf-tick input[type=checkbox] {{ width: 22px; height: 22px; flex: none; margin: 0; }}
.pf-page .pf-button, .pf-page .pf-chooser button, .pf-page .pf-upload {{ min-height: 44px; height: auto; width: auto;
  padding: 8px 16px; margin: 0; font-size: 16px; line-height: 1.3; border-radius: 8px; border: 1px solid {EDGE};
  background: #f3f5f7; color: {INK}; box-shadow: none; white-space: normal; overflow: visible; }}
.pf-page .pf-button:hover, .pf-page .pf-chooser button:hover, .pf-page .pf-upload:hover {{ background: #e2e7ec; }}
.pf-page .pf-primary, .pf-page .pf-upload {{ background: {LINK}; border-color: {LINK}; color: #fff; font-weight: 600; }}
.pf-page .pf-primary:hover, .pf-page .pf-upload:hover {{ background: #084482; color: #fff; }}
.pf-page .pf-danger {{ background: #fff; border-color: #b3261e; color: #a01d16; }}
.pf-page .pf-button:disabled {{ opacity: 1; background: #e6e9ec; border-color: #c3c8ce; color: {QUIET}; }}
.pf-page .pf-upload {{ align-self: flex-start; font-size: 18px; padding: 12px 22px; }}
.pf-page .pf-chooser {{ flex-direction: column; align-items: stretch; height: auto; margin: 0; }}
.pf-page .pf-chooser .widget-toggle-buttons, .pf-page .pf-chooser > div {{ display: flex; flex-wrap: wrap; gap: 8px; }}
.pf-page .pf-chooser button.mod-active {{ background: {INK}; border-color: {INK}; color: #fff; font-weight: 600; }}
.pf-page button:focus-visible, .pf-page input:focus-visible, .pf-page select:focus-visible,
.pf-page textarea:focus-visible, .pf-page summary:focus-visible {{ outline: 3px solid #f29d00; outline-offset: 2px; }}
.pf-head {{ justify-content: space-between; border-bottom: 1px solid #d4d9de; padding-bottom: 12px; }}
.pf-lock {{ flex: 0 1 auto; gap: 2px; }}
.pf-lock > .pf-row {{ flex-wrap: nowrap !important; }}
.pf-page .pf-lock .pf-field {{ flex: 1 1 120px; }}
.pf-page .pf-lock .pf-button {{ flex: none; }}
.pf-nav {{ padding: 4px 0; }}
.pf-area {{ border-top: 1px solid #d4d9de; padding-top: 6px; }}
.pf-page .pf-narrow {{ max-width: 720px !important; }}
.pf-page .jupyter-widget-Collapse-header, .pf-page .p-Accordion .p-Collapse-header {{ font-size: 16px; }}
.pf-page .leaflet-container {{ background: #e8eef2; font: inherit; z-index: 0; }}
@media (max-width: 600px) {{
  .pf-page {{ padding: 0 12px 40px; }}
  .pf-page h1 {{ font-size: 24px; }}
  .pf-page .pf-field {{ flex: 1 1 100%; width: 100%; }}
  .pf-page .pf-nav button {{ flex: 1 1 45%; padding: 8px 6px; }}
  .pf-page .pf-upload {{ align-self: stretch; }}
  .pf-head > * {{ flex: 1 1 auto; }}
  .pf-page .pf-lock .pf-quiet {{ display: none; }}
}}
</style>"""


class Looks:
    """Layouts and styles that the widgets of one answer share: each of their own would be a message to the browser.

    A message is lost without a word where more than 1,000 wait for a slow server. Who changes one changes all.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Any] = {}

    def of(self, kind: Callable[..., Any], **given: str) -> Any:
        """The one layout or style of this kind and these values."""
        key = (kind, *sorted(given.items()))
        if key not in self._made:
            self._made[key] = kind(**given)
        return self._made[key]
