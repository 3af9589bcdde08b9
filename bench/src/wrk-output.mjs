/**
 * What wrk printed about one run.
 *
 * @typedef {object} WrkReport
 * @property {number} requests answers received whole
 * @property {number} requestsPerSecond
 * @property {number | undefined} p99Micros undefined without --latency
 * @property {{ connect: number, read: number, write: number, timeout: number }} socketErrors
 * @property {number} badStatus answers that were not 2xx or 3xx
 */

const MICROS = { us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6 };

/**
 * Reads wrk 4's report.
 *
 * @param {string} text
 * @returns {WrkReport | undefined} undefined when the text is not a whole report
 */
export function parseWrk(text) {
  const total = /^\s*(\d+) requests in /m.exec(text);
  const rate = /^Requests\/sec:\s+([\d.]+)/m.exec(text);
  if (!total || !rate) return undefined;
  const p99 = /^\s*99%\s+([\d.]+)(us|ms|s|m|h)\s*$/m.exec(text);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const [connect, read, write, timeout] = errors ? errors.slice(1).map(Number) : [0, 0, 0, 0];
  return {
    requests: Number(total[1]),
    requestsPerSecond: Number(rate[1]),
    p99Micros: p99 ? Number(p99[1]) * MICROS[p99[2]] : undefined,
    socketErrors: { connect, read, write, timeout },
    badStatus: bad ? Number(bad[1]) : 0,
  };
}

/**
 * What went wrong in a run, in words; undefined when nothing did.
 *
 * @param {WrkReport} report
 */
export function wrkComplaint(report) {
  const said = Object.entries(report.socketErrors)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind} errors`);
  if (report.badStatus > 0) said.push(`${report.badStatus} answers not 2xx or 3xx`);
  return said.length > 0 ? said.join(', ') : undefined;
}
