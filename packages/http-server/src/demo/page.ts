import { createHash } from 'node:crypto';
import type { HttpReply, HttpRequest } from '../exchange/index.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';

/** What the page says about the ring it shows. */
export interface RingFacts {
  readonly kernel: string;
  readonly driver: string;
  readonly setupFlags: readonly string[];
  readonly submissionEntries: number;
  readonly completionEntries: number;
  readonly opcodes: number;
}

/** Name in the snapshot, label, what it means. */
const COUNTERS = [
  ['requests', 'Requests', 'answered since the start'],
  ['requestsPerSecond', 'Requests per second', 'over the last half second'],
  ['connections', 'Connections', 'open now'],
  ['accepted', 'Accepted', 'connections since the start, by one multishot accept'],
  ['submitted', 'SQEs submitted', 'operations JavaScript wrote into the ring'],
  ['completed', 'CQEs completed', 'results JavaScript read from the ring'],
  ['enters', 'Enters', 'io_uring_enter calls: the system calls there were'],
  ['perEnter', 'Completions per enter', 'what one system call brought, over the last half second'],
  ['inFlight', 'In flight', 'operations the kernel has now'],
  ['noBuffers', 'ENOBUFS', 'times the receive buffers were all in use'],
  ['overflows', 'Overflows', 'wake-ups with more completions than fit; none is lost'],
  ['stale', 'Stale', 'completions nobody waited for any more'],
] as const;

const ENDPOINTS = [
  ['text', 'thirteen bytes of text'],
  ['json', 'the same as JSON'],
  ['stream', 'ten lines, one each quarter of a second'],
  ['stats', 'the counters of this page as JSON'],
] as const;

/** The page at `/`: everything in one response, nothing from anywhere else. */
export class DemoPage {
  readonly #html: Buffer;
  readonly #policy: string;

  /** @param facts null where no ring serves */
  constructor(facts: RingFacts | null) {
    this.#html = Buffer.from(html(facts));
    this.#policy = [
      "default-src 'none'",
      `script-src '${hash(PAGE_SCRIPT)}'`,
      `style-src '${hash(PAGE_STYLE)}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; ');
  }

  /** Answers with the page. */
  send(_request: HttpRequest, reply: HttpReply): void {
    reply
      .header('Content-Type', 'text/html; charset=utf-8')
      .header('Content-Security-Policy', this.#policy)
      .header('X-Content-Type-Options', 'nosniff')
      .header('Referrer-Policy', 'no-referrer')
      .header('Cache-Control', 'no-cache')
      .bytes(this.#html);
  }
}

/** As Content Security Policy Level 3 section 2.3.1 names an inline element by its content. */
function hash(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='5.5' fill='none' stroke='%23c8871a' stroke-width='3'/%3E%3C/svg%3E";

function html(facts: RingFacts | null): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Ringbearer</title>
<link rel="icon" href="${ICON}">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
  <h1>Ringbearer</h1>
  <p>${facts === null ? 'There is no ring here: this page came by node:net, and the rings below stand still.' : "Every byte of this page went through typed io_uring opcodes, from JavaScript straight into the kernel's rings."}</p>
  <p id="link" role="status" data-state="waiting">Waiting for the counters</p>
</header>
<main>
<section aria-labelledby="ring-title">
  <h2 id="ring-title">The ring, now</h2>
  <canvas id="ring" role="img" aria-label="Two rings. Submissions go round the left one into the kernel, completions round the right one back to JavaScript. The numbers below say how many."></canvas>
  <div class="keys"><span class="sq">submission queue</span><span class="cq">completion queue</span></div>
  <p><button id="traffic" type="button">Send requests for five seconds</button> <span id="traffic-result" role="status"></span></p>
  <noscript><p>Without JavaScript this page stands still: <a href="/stats">the counters as JSON</a>.</p></noscript>
</section>
<section aria-labelledby="counters-title">
  <h2 id="counters-title">Counters</h2>
  <dl>${COUNTERS.map(
    ([name, label, meaning]) => `
    <div><dt>${label}</dt><dd><output id="${name}">-</output><small>${meaning}</small></dd></div>`,
  ).join('')}
  </dl>
</section>
<section aria-labelledby="facts-title">
  <h2 id="facts-title">What the kernel granted</h2>
  ${facts === null ? '<p>Nothing.</p>' : table(facts)}
</section>
<section aria-labelledby="try-title">
  <h2 id="try-title">Something to hit</h2>
  <ul>${ENDPOINTS.map(([path, what]) => `<li><a href="/${path}">/${path}</a> ${what}</li>`).join('')}</ul>
  <pre id="commands">curl -T - /echo
wrk -c 64 -d 5 /text</pre>
</section>
</main>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function table(facts: RingFacts): string {
  return `<table>
    <tr><th scope="row">Kernel</th><td>${escapeText(facts.kernel)}</td></tr>
    <tr><th scope="row">Loop driver</th><td>${escapeText(facts.driver)}</td></tr>
    <tr><th scope="row">Setup flags</th><td>${facts.setupFlags.map((flag) => `<code>${escapeText(flag)}</code>`).join(' ')}</td></tr>
    <tr><th scope="row">Queues</th><td>${facts.submissionEntries} submission entries, ${facts.completionEntries} completion entries</td></tr>
    <tr><th scope="row">Opcodes</th><td>${facts.opcodes} supported</td></tr>
  </table>`;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
