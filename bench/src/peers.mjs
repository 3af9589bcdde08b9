/**
 * The servers the bench knows: what each is, how it is started and what it needs to be present.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LIMIT_BINARY } from './limit.mjs';

/**
 * @typedef {object} Peer
 * @property {string} name what --only takes
 * @property {string} about what runs, in a few words
 * @property {() => Launch | { missing: string }} launch
 * @property {readonly string[]} [cases] the only ones it can answer
 *
 * @typedef {{ command: string[], version: string }} Launch
 */

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const INSTALL = 'npm --prefix bench install (or --install)';

/** The name of the peer all ratios are against. */
export const LIMIT = 'limit';

/** Cases that ask for a constant. */
const CONSTANT = ['hello', 'hello-1', 'hello-512', 'pipelined', 'churn'];

/** Names that need the workspace's own build. */
export const OURS = [
  'ringbearer-raw',
  'ringbearer-fetch',
  'ringbearer-raw-node26',
  'ringbearer-fetch-node26',
];

const server = (file) => join(BENCH, 'servers', file);
const installed = (...path) => join(BENCH, 'node_modules', ...path);

function versionOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
}

function ours(file) {
  const folder = join(ROOT, 'packages', 'http-server');
  if (!existsSync(join(folder, 'dist'))) return { missing: 'not built: npm run build' };
  return { command: [process.execPath, server(file)], version: versionOf(folder) };
}

function npmPeer(name, file) {
  const folder = installed(name);
  if (!existsSync(join(folder, 'package.json'))) return { missing: `not installed: ${INSTALL}` };
  return { command: [process.execPath, server(file)], version: versionOf(folder) };
}

/** A runtime shipped as a binary inside a platform package: started without its npm launcher script. */
function runtimePeer(packages, binary, args, name = (version) => version) {
  for (const folder of packages) {
    const path = installed(folder, binary);
    if (!existsSync(path)) continue;
    return { command: [path, ...args], version: name(versionOf(installed(folder))) };
  }
  return { missing: `not installed: ${INSTALL}` };
}

function bun(file) {
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;
  const packages = [`@oven/bun-linux-${arch}`, `@oven/bun-linux-${arch}-musl`];
  return runtimePeer(packages, 'bin/bun', ['--no-install', server(file)]);
}

function deno(file) {
  const isolated = ['--no-config', '--no-lock', '--no-npm', '--no-remote'];
  const args = ['run', ...isolated, '--allow-net=127.0.0.1', server(file)];
  return runtimePeer([`@deno/linux-${process.arch}-glibc`], 'deno', args);
}

/** A newer Node than the one that most have: its V8 makes JSON and streams faster. */
function node26(file, version) {
  return runtimePeer([`node-linux-${process.arch}`], 'bin/node', [server(file)], version);
}

function ours26(file) {
  const here = ours(file);
  return 'missing' in here ? here : node26(file, (node) => `${here.version}, Node.js ${node}`);
}

/** @type {readonly Peer[]} */
export const PEERS = [
  {
    name: LIMIT,
    about: 'C + liburing, no HTTP',
    cases: CONSTANT,
    launch: () =>
      existsSync(LIMIT_BINARY)
        ? { command: [LIMIT_BINARY], version: '' }
        : { missing: 'not compiled' },
  },
  { name: 'ringbearer-raw', about: 'ours, raw', launch: () => ours('ringbearer-raw.mjs') },
  { name: 'ringbearer-fetch', about: 'ours, fetch', launch: () => ours('ringbearer-fetch.mjs') },
  {
    name: 'ringbearer-raw-node26',
    about: 'ours, raw, on Node 26',
    launch: () => ours26('ringbearer-raw.mjs'),
  },
  {
    name: 'ringbearer-fetch-node26',
    about: 'ours, fetch, on Node 26',
    launch: () => ours26('ringbearer-fetch.mjs'),
  },
  {
    name: 'uwebsockets',
    about: 'uWebSockets C++ inside Node, npm uwebsockets',
    launch: () => npmPeer('uwebsockets', 'uwebsockets.mjs'),
  },
  { name: 'bun', about: 'Bun.serve, fetch', launch: () => bun('bun.mjs') },
  {
    name: 'bun-static',
    about: 'Bun.serve, static route',
    cases: CONSTANT,
    launch: () => bun('bun-static.mjs'),
  },
  { name: 'deno', about: 'Deno.serve, fetch', launch: () => deno('deno.mjs') },
  { name: 'fastify', about: 'Fastify', launch: () => npmPeer('fastify', 'fastify.mjs') },
  {
    name: 'node-http',
    about: 'node:http',
    launch: () => ({
      command: [process.execPath, server('node-http.mjs')],
      version: process.version.slice(1),
    }),
  },
  {
    name: 'node-http-node26',
    about: 'node:http of Node 26',
    launch: () => node26('node-http.mjs'),
  },
];

/**
 * The peers to run, in table order; extra ones always do.
 *
 * @param {readonly string[] | undefined} only
 * @param {readonly { name: string, command: string[] }[]} extra
 * @returns {Peer[]}
 * @throws {RangeError} when `only` names a peer there is not, or two peers share a name
 */
export function choosePeers(only, extra) {
  /** @type {Peer[]} */
  const all = [
    ...PEERS,
    ...extra.map(({ name, command }) => ({
      name,
      about: command.join(' '),
      launch: () => ({ command, version: '' }),
    })),
  ];
  const known = all.map((peer) => peer.name);
  const twice = known.find((name, index) => known.indexOf(name) !== index);
  if (twice) throw new RangeError(`there is already a server called ${twice}`);
  const unknown = only?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) {
    throw new RangeError(`no server called ${unknown.join(', ')}; there are ${known.join(', ')}`);
  }
  const asked = only && [...only, ...extra.map((peer) => peer.name)];
  return asked ? all.filter((peer) => asked.includes(peer.name)) : all;
}
