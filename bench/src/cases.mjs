/**
 * What the bench asks servers for.
 *
 * @typedef {object} Case
 * @property {string} name what --case takes
 * @property {string} title
 * @property {string} method
 * @property {string} path
 * @property {number} bodyBytes of each request
 * @property {number} depth requests in one write
 * @property {boolean} close a connection for every request
 * @property {number} [connections] instead of what --connections says
 * @property {(body: Buffer) => boolean} right whether a body is the right answer
 */

/** Requests in one write of the pipelined case: the depth the peers' own benchmarks use. */
export const PIPELINE_DEPTH = 16;

const KIB = 1024;
const MIB = 1024 * KIB;

const hello = { path: '/', right: (body) => body.toString() === 'Hello, World!' };
const echo = (bytes) => ({
  method: 'POST',
  path: '/echo',
  bodyBytes: bytes,
  right: (body) => body.equals(Buffer.alloc(bytes, 'x')),
});
const json = (path, items) => ({
  path,
  right: (body) => JSON.parse(body.toString()).items.length === items,
});

/** @type {readonly Case[]} */
export const CASES = [
  { name: 'hello', title: 'GET / hello, keep-alive', ...hello },
  { name: 'hello-1', title: 'GET / hello, 1 connection', ...hello, connections: 1 },
  { name: 'hello-512', title: 'GET / hello, 512 connections', ...hello, connections: 512 },
  {
    name: 'pipelined',
    title: `GET / hello, ${PIPELINE_DEPTH} pipelined`,
    ...hello,
    depth: PIPELINE_DEPTH,
  },
  { name: 'churn', title: 'GET / hello, a connection for each', ...hello, close: true },
  { name: 'json-1k', title: 'GET JSON of 1 kB', ...json('/json-1k', 10) },
  { name: 'json-10k', title: 'GET JSON of 10 kB', ...json('/json-10k', 100) },
  { name: 'echo-1k', title: 'POST and echo 1 KiB', ...echo(KIB) },
  { name: 'echo-1m', title: 'POST and echo 1 MiB', ...echo(MIB) },
  {
    name: 'stream-1m',
    title: 'GET 1 MiB, streamed in 16 chunks',
    path: '/stream-1m',
    right: (body) => body.equals(Buffer.alloc(MIB, 'x')),
  },
].map((one) => ({ method: 'GET', bodyBytes: 0, depth: 1, close: false, ...one }));

/** @param {string} name */
export function caseOf(name) {
  return CASES.find((one) => one.name === name);
}

/** Names of all cases. */
export const CASE_NAMES = CASES.map(({ name }) => name);
