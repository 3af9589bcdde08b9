/** The style of the demo page, inline. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ground: #fbfaf7; --ink: #22201c; --dim: #67625a; --line: #ddd8cd; --card: #fff; --sq: #a86a05; --cq: #0f766e; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #171614; --ink: #edeae3; --dim: #a29c91; --line: #38352f; --card: #201e1b; --sq: #f0b040; --cq: #4fd1c5; --bad: #ff8a7a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 60rem; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 2rem; letter-spacing: -0.02em; }
h2 { margin: 2.25rem 0 0.75rem; font-size: 1.1rem; }
p { margin: 0.4rem 0; }
header p { color: var(--dim); }
a { color: var(--cq); }
a:focus-visible, button:focus-visible { outline: 3px solid var(--sq); outline-offset: 2px; }
#link::before { content: ''; display: inline-block; width: 0.6em; height: 0.6em; margin-right: 0.5em; border-radius: 50%; background: var(--dim); }
#link[data-state='live']::before { background: var(--cq); }
#link[data-state='lost']::before { background: var(--bad); }
canvas { display: block; width: 100%; height: 17rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); }
.keys { display: flex; justify-content: space-around; margin: 0.4rem 0 1rem; color: var(--dim); font-size: 0.875rem; }
.keys span::before { content: ''; display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.4em; border-radius: 2px; background: var(--key); }
.sq { --key: var(--sq); }
.cq { --key: var(--cq); }
button { padding: 0.5rem 1rem; border: 1px solid var(--ink); border-radius: 0.5rem; background: var(--ink); color: var(--ground); font: inherit; cursor: pointer; }
button:disabled { opacity: 0.55; cursor: default; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); gap: 0.75rem; margin: 0; }
dl div { padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); }
dt { color: var(--dim); font-size: 0.875rem; }
dd { margin: 0; }
dd output { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
dd small { color: var(--dim); line-height: 1.3; display: block; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 0.45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { width: 9rem; color: var(--dim); font-weight: 400; }
pre { padding: 1rem; border: 1px solid var(--line); border-radius: 0.75rem; background: var(--card); overflow-x: auto; }
code { font-size: 0.875em; }
`;
