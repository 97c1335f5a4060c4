import { createHash } from 'node:crypto';

/** The whole look of the page: colours have a contrast of 4.5 at least on both grounds. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --line: #d3d9e1; --text: #1b232e; --quiet: #52606f;
  --blue: #1a5fb4; --good: #17703a; --attention: #855300; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #11151a; --card: #1a2027; --line: #36404b; --text: #e4e9ef; --quiet: #a4b0bd;
    --blue: #7fb6ff; --good: #62d18c; --attention: #f0b64a; --bad: #ff8d85; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main, footer { max-width: 64rem; margin: 0 auto; padding: 0 1rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; display: inline-block; padding: .5rem; }
a { color: var(--blue); }
a:focus-visible, input:focus-visible, button:focus-visible, summary:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; }
.verdict { margin: 1.25rem 0; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-left: .5rem solid; border-radius: .5rem; }
.verdict p { margin: .25rem 0 0; color: var(--quiet); }
.verdict.works { border-left-color: var(--good); } .works h1 { color: var(--good); }
.verdict.attention { border-left-color: var(--attention); } .attention h1 { color: var(--attention); }
.verdict.broken { border-left-color: var(--bad); } .broken h1 { color: var(--bad); }
section { margin: 0 0 1.25rem; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.pair { display: grid; gap: 0 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
dl.figures { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); margin: 0 0 1.25rem; }
.figures div { padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.figures dd { margin: 0; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.figures dd + dd, dt, .quiet, caption, th { color: var(--quiet); font-size: .875rem; font-weight: 400; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
tbody th { color: var(--text); font-size: inherit; }
th, .when { overflow-wrap: normal; } .names th { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.when { font-variant-numeric: tabular-nums; }
ul { margin: 0; padding: 0; list-style: none; }
li + li { margin-top: .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
li p, section > p { margin: 0 0 .5rem; } li p:last-child { margin: 0; }
.tag { font-weight: 600; } .good { color: var(--good); } .attention .tag, td .attention, .tag.attention { color: var(--attention); } .bad { color: var(--bad); }
figure { margin: 0; }
svg { display: block; width: 100%; }
.plot { height: 9rem; } .bar { height: .6rem; margin: .4rem 0; border-radius: .3rem; }
.delivered, .fill { fill: var(--blue); } .failed { fill: var(--bad); } .rule { stroke: var(--quiet); } .track { fill: var(--line); }
.fill.attention { fill: var(--attention); } .fill.bad { fill: var(--bad); }
.axis { display: flex; justify-content: space-between; color: var(--quiet); font-size: .875rem; }
.key { display: inline-block; width: .75rem; height: .75rem; margin-right: .35rem; border-radius: .15rem; }
.key.delivered { background: var(--blue); } .key.failed { background: var(--bad); }
figcaption { margin-top: .5rem; } figcaption span + span { margin-left: 1rem; }
summary { margin-top: .5rem; cursor: pointer; color: var(--blue); }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin-bottom: .75rem; }
label { display: grid; flex: 1 1 14rem; color: var(--quiet); font-size: .875rem; }
input, button { min-width: 0; font: inherit; padding: .4rem .6rem; border: 1px solid var(--quiet); border-radius: .35rem; background: var(--ground); color: var(--text); }
button { cursor: pointer; }
footer { padding-bottom: 2rem; }
@media (max-width: 30rem) { header, main, footer { padding: 0 .6rem; } section, .verdict { padding: .75rem .8rem; } dl.figures { gap: .6rem; grid-template-columns: 1fr 1fr; }
  .figures div { padding: .5rem .7rem; } .figures dd { font-size: 1.25rem; } table { font-size: .875rem; } th, td { padding-right: .5rem; } }
`;

/** No script, no address but our own, no frame around it; nothing of it is kept, and no other site hears of it. */
export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};
