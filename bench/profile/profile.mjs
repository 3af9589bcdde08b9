/**
 * Profiles one server under one case: where its JavaScript spends its time, for each request.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { caseOf } from '../src/cases.mjs';
import { cpuSpent, readCpuTime } from '../src/cpu-time.mjs';
import { endWithUs } from '../src/end-with-us.mjs';
import { killLoad, runLoad } from '../src/load.mjs';
import { allowedCores, checkTools, chooseCores } from '../src/machine.mjs';
import { choosePeers } from '../src/peers.mjs';
import { killServers, ServerProcess } from '../src/server-process.mjs';
import { renderTable } from '../src/table.mjs';
import { callTree, selfTimes } from './call-tree.mjs';
import { renderFlame } from './flame.mjs';

const PROFILER = new URL('./profiler.mjs', import.meta.url).href;
/** Requests before the first sample, so that what is compiled later does not show. */
const WARM_UP_SECONDS = 2;
/** Longest a server may take to write its profile, in milliseconds. */
const WRITE_TIMEOUT_MS = 10_000;
/** Functions the table lists. */
const FUNCTIONS_MAX = 30;

/**
 * @param {import('./options.mjs').ProfileOptions} options
 * @throws {import('../src/machine.mjs').MissingToolError} without wrk or taskset
 * @throws {RangeError} for a server that is not there, or no program of this Node.js
 */
export async function runProfile(options) {
  checkTools();
  const pin = chooseCores(undefined, allowedCores());
  const folder = resolve(options.out);
  mkdirSync(folder, { recursive: true });
  const base = join(folder, `${options.server}-${options.case}`);
  process.env.BENCH_PROFILE = `${base}.cpuprofile`; // for the server
  endWithUs(() => {
    killLoad();
    killServers();
  });
  const server = await ServerProcess.start(commandOf(options.server), pin.server);
  try {
    const { requests, spent } = await measure(server, options, pin.client);
    const tree = callTree(JSON.parse(readFileSync(`${base}.cpuprofile`, 'utf8')));
    const title = `${options.server}, ${caseOf(options.case).title}: ${requests} requests, ${(spent.total / requests).toFixed(2)} us of CPU each`;
    writeFileSync(`${base}.svg`, renderFlame(tree, title));
    console.log(report(tree, title, spent, requests));
    console.log(
      `\nwrote ${base}.svg\nwrote ${base}.cpuprofile: developer tools of a browser open it`,
    );
  } finally {
    await server.stop();
  }
}

function commandOf(name) {
  const [peer] = choosePeers([name], []);
  const launch = peer.launch();
  if ('missing' in launch) throw new RangeError(`${name} is ${launch.missing}`);
  const [program, ...args] = launch.command;
  if (program !== process.execPath) {
    throw new RangeError(`${name} is no program of Node.js: use perf for it`);
  }
  return [program, '--import', PROFILER, ...args];
}

async function measure(server, options, core) {
  const connections = caseOf(options.case).connections ?? options.connections;
  const load = { port: server.port, core, connections, case: options.case };
  await runLoad({ ...load, seconds: WARM_UP_SECONDS });
  const file = process.env.BENCH_PROFILE;
  process.kill(server.pid, 'SIGUSR2');
  const before = readCpuTime(server.pid);
  const { requests } = await runLoad({ ...load, seconds: options.seconds });
  const spent = cpuSpent(before, readCpuTime(server.pid));
  process.kill(server.pid, 'SIGUSR2');
  const deadline = performance.now() + WRITE_TIMEOUT_MS;
  while (!existsSync(file)) {
    if (server.failure) throw new Error(`the server ${server.failure}`);
    if (performance.now() > deadline) throw new Error('the server wrote no profile');
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return { requests, spent };
}

/** @returns {string} two tables: by whose code it is, and by function */
function report(tree, title, spent, requests) {
  const columns = (first) => [
    { title: first, cell: ({ key }) => key },
    { title: 'us/req', cell: ({ micros }) => (micros / requests).toFixed(3) },
    { title: 'share', cell: ({ micros }) => `${((micros / tree.total) * 100).toFixed(1)} %` },
  ];
  const split = `user ${(spent.user / requests).toFixed(2)} us, system ${(spent.system / requests).toFixed(2)} us, the profiler's own included`;
  const groups = renderTable(
    columns('whose'),
    selfTimes(tree, ({ group }) => group),
    false,
  );
  const functions = selfTimes(tree, ({ name }) => name).slice(0, FUNCTIONS_MAX);
  return [
    title,
    split,
    '',
    groups,
    '',
    renderTable(columns('function, itself'), functions, false),
  ].join('\n');
}
