/** The page's style: one column that becomes two, light and dark, on a screen and on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --wash: #f4f6f8; --ink: #1a2027; --muted: #5a6672; --rule: #d8dee5; --grid: #e9edf1;
  --band: #2563a80a; --band-other: #2563a814; --knee: #b4541a1f;
  --pass: #17734a; --fail: #b3261e; --warn: #8a5a00;
  --c1: #2563a8; --c2: #b4541a; --c3: #a3256b; --c4: #14786a; --c5: #6a4aa8; --c6: #76682a;
  --p50: var(--c4); --p95: var(--c1); --p99: var(--c3); --cool: #2f7fc1; --hot: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161b; --wash: #1a2027; --ink: #e7ebf0; --muted: #9aa7b4; --rule: #323b45; --grid: #242c35;
    --band: #6aa9e90d; --band-other: #6aa9e91c; --knee: #f0a35a2b;
    --pass: #58c98f; --fail: #ff8a80; --warn: #e9b44c;
    --c1: #6aa9e9; --c2: #f0a35a; --c3: #e889bb; --c4: #57c7b0; --c5: #b8a1ea; --c6: #cdbb6b;
    --cool: #6ab4f0; --hot: #ff8a80;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
.rehearsal { background: var(--warn); color: var(--paper); font-size: 14px; text-align: center; padding: 7px 20px; }
header { padding-top: 36px; }
.eyebrow { margin: 0; color: var(--muted); font-size: 14px; overflow-wrap: anywhere; }
h1 { margin: 2px 0 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; text-wrap: balance; overflow-wrap: anywhere; }
h2 { margin: 56px 0 4px; font-size: 22px; letter-spacing: -0.01em; }
h3 { margin: 32px 0 8px; font-size: 16px; }
h4 { margin: 0; font-size: 15px; font-weight: 600; }
p { margin: 8px 0; max-width: 72ch; overflow-wrap: anywhere; }
.verdict { margin: 22px 0 0; padding: 16px 20px; border-left: 5px solid; border-radius: 3px; background: var(--wash); }
.verdict strong { display: block; font-size: 21px; line-height: 1.3; }
.verdict ul { margin: 6px 0 0; padding-left: 20px; }
.verdict li { overflow-wrap: anywhere; }
.verdict.pass { border-color: var(--pass); } .verdict.pass strong { color: var(--pass); }
.verdict.fail { border-color: var(--fail); } .verdict.fail strong { color: var(--fail); }
.verdict.invalid, .verdict.interrupted { border-color: var(--warn); }
.verdict.invalid strong, .verdict.interrupted strong { color: var(--warn); }
.tiles { display: flex; flex-wrap: wrap; gap: 1px; margin: 24px 0 0; padding: 0; background: var(--rule); border: 1px solid var(--rule); border-radius: 3px; overflow: hidden; list-style: none; }
.tiles li { flex: 1 1 140px; background: var(--paper); padding: 12px 16px; }
.tiles b { display: block; font-size: 24px; line-height: 1.25; letter-spacing: -0.01em; }
.tiles span { color: var(--muted); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
.caption { margin: 20px 0 4px; color: var(--muted); font-size: 13px; }
th { color: var(--muted); font-weight: 500; font-size: 13px; text-align: left; white-space: nowrap; vertical-align: bottom; }
th, td { padding: 6px 16px 6px 0; border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
td { white-space: nowrap; }
.number { text-align: right; }
.number + :not(.number) { padding-left: 12px; }
.ok { color: var(--pass); } .broken { color: var(--fail); font-weight: 600; } .doubt { color: var(--warn); font-weight: 600; }
.notes { margin: 12px 0; padding: 0; list-style: none; font-size: 14px; }
.notes li { padding: 2px 0 2px 14px; border-left: 3px solid var(--warn); margin: 4px 0; overflow-wrap: anywhere; }
.said { margin: 12px 0; padding: 0; list-style: none; font-size: 14px; color: var(--muted); }
.plots { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 28px 32px; margin-top: 20px; align-items: end; }
.plot { margin: 0; break-inside: avoid; min-width: 0; }
.plot.full { grid-column: 1 / -1; }
.plot.empty p { color: var(--muted); font-size: 14px; }
.narrow { display: none; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 2px 18px; margin-bottom: 6px; }
.plot:not(.full) .legend { flex-basis: 100%; }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; margin: 0; padding: 0; list-style: none; color: var(--muted); font-size: 13px; }
.legend li { white-space: nowrap; }
.key { width: 18px; height: 10px; margin-right: 5px; }
.plot > svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 12px; fill: var(--muted); }
.full > svg text { font-size: 12.5px; }
svg .title { font-size: 11.5px; }
svg .axis, svg .tick { stroke: var(--muted); stroke-width: 1; fill: none; }
svg .grid { stroke: var(--grid); stroke-width: 1; }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
svg .dashed { stroke-dasharray: 5 4; }
svg .spread { stroke-width: 8; stroke-opacity: 0.22; stroke-linecap: round; }
svg .hollow { fill: var(--paper); stroke-width: 1.8; }
svg .band { fill: var(--band); } svg .band.other { fill: var(--band-other); }
svg .band-label { font-size: 11px; }
svg .knee { fill: var(--knee); }
svg .limit { stroke: var(--fail); stroke-width: 1.3; stroke-dasharray: 2 3; }
svg .limit-label { fill: var(--fail); font-size: 11.5px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
svg .read rect { fill: transparent; }
svg .read:hover rect { fill: var(--band-other); }
#tip { position: fixed; z-index: 1; display: none; max-width: 320px; padding: 8px 11px; border-radius: 3px; background: var(--ink); color: var(--paper); font-size: 13px; line-height: 1.45; white-space: pre-line; pointer-events: none; }
dl { display: grid; grid-template-columns: minmax(120px, max-content) 1fr; gap: 5px 24px; margin: 12px 0; font-size: 14px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 56px; padding-top: 16px; padding-bottom: 40px; color: var(--muted); font-size: 13px; }
@media (max-width: 720px) {
  h1 { font-size: 25px; } header { padding-top: 24px; } h2 { margin-top: 40px; }
  .plots { grid-template-columns: minmax(0, 1fr); }
  .wide { display: none; } .narrow { display: block; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
  svg text { font-size: 14px; } svg .title, svg .limit-label, svg .band-label { font-size: 13px; }
}
@media print {
  :root { color-scheme: light; }
  body { font-size: 12px; } main, header, footer { max-width: none; }
  h2, h3 { break-after: avoid; }
  .rehearsal { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .verdict, .tiles, tr, .band { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`
