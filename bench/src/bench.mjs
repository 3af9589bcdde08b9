/**
 * The whole run: check, start, verify, measure in turns, report.
 */
import { writeFileSync } from 'node:fs';
import { verifyServer } from './answer.mjs';
import { endWithUs } from './end-with-us.mjs';
import { buildLimit } from './limit.mjs';
import { killLoad } from './load.mjs';
import { allowedCores, checkTools, chooseCores, describeMachine } from './machine.mjs';
import { measureCase } from './measure.mjs';
import { choosePeers, LIMIT } from './peers.mjs';
import { renderPlot } from './plot.mjs';
import { renderReport } from './report.mjs';
import { killServers, ServerProcess } from './server-process.mjs';
import { summarize } from './summary.mjs';

/**
 * Measures and prints; the report goes to stdout, everything on the way to stderr.
 *
 * @param {import('./options.mjs').Options} options
 * @returns {Promise<boolean>} whether every server that is present was measured
 * @throws {import('./machine.mjs').MissingToolError} without wrk or taskset
 * @throws {RangeError} when --only names a server there is not
 */
export async function runBench(options) {
  const say = (line) => process.stderr.write(`bench: ${line}\n`);
  const peers = choosePeers(options.only, options.extra);
  checkTools();
  const pin = chooseCores(options.pin, allowedCores());
  if (pin.server === pin.client) {
    say('one core for servers and wrk: requests per second mean little, CPU per request holds');
  }
  endWithUs(() => {
    killLoad();
    killServers();
  });

  /** @type {import('./report.mjs').Report} */
  const report = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    settings: {
      seconds: options.seconds,
      rounds: options.rounds,
      connections: options.connections,
      pin,
    },
    peers: [],
    skipped: [],
    failed: [],
    cases: [],
  };
  const running = [];
  try {
    for (const peer of peers) {
      const server = await startPeer(peer, pin.server, report, say);
      if (server) running.push({ name: peer.name, server, cases: peer.cases });
    }
    for (const name of running.length > 0 ? options.cases : []) {
      const settings = { ...options, pin };
      const able = running.filter(({ cases }) => cases === undefined || cases.includes(name));
      const result = await measureCase(name, able, settings, say);
      const summary = summarize(result, options.rounds);
      report.cases.push({ name, samples: result.samples, summary });
    }
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()));
  }
  if (options.json) {
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
    say(`wrote ${options.json}`);
  }
  if (options.svg) {
    writeFileSync(options.svg, renderPlot(report));
    say(`wrote ${options.svg}`);
  }
  console.log(renderReport(report, options.markdown));
  const broken = report.cases.some(({ summary }) => summary.some((peer) => peer.failure));
  return running.length > 0 && report.failed.length === 0 && !broken;
}

/** Starts and verifies one server; what keeps it from running is said and noted in the report. */
async function startPeer(peer, core, report, say) {
  const { name, about } = peer;
  const note = (list, why) => {
    say(`${name} ${list === report.skipped ? 'skipped' : 'failed'}: ${why}`);
    list.push({ name, why });
  };
  const complaint = name === LIMIT ? buildLimit(say) : undefined;
  if (complaint) return note(report.skipped, complaint);
  const launch = peer.launch();
  if ('missing' in launch) return note(report.skipped, launch.missing);
  let server;
  try {
    server = await ServerProcess.start(launch.command, core);
    const answerBytes = await verifyServer(server.port);
    report.peers.push({ name, about, version: launch.version, answerBytes });
    return server;
  } catch (error) {
    const why = server?.failure ?? error.message;
    await server?.stop();
    return note(report.failed, why);
  }
}
