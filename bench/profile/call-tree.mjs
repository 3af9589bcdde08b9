/**
 * A CPU profile of V8 as a tree of calls with times.
 *
 * @typedef {object} Call
 * @property {string} name of the function, with its place; in parentheses what V8 itself did
 * @property {string} group whose it is: a package, `node`, `handler`, or what V8 calls it
 * @property {number} self microseconds in itself
 * @property {number} total microseconds in it and what it called
 * @property {Call[]} calls
 */

/** Waiting is no work. */
const IDLE = '(idle)';

/**
 * @param {object} profile as `Profiler.stop` of the inspector returns it: `.cpuprofile`
 * @returns {Call} the root; what was idle is left out
 */
export function callTree({ nodes, samples, timeDeltas }) {
  const times = new Map(nodes.map(({ id }) => [id, 0]));
  samples.forEach((id, index) => {
    times.set(id, times.get(id) + Math.max(0, timeDeltas[index]));
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const build = (node) => {
    const calls = (node.children ?? [])
      .map((id) => byId.get(id))
      .filter(({ callFrame }) => callFrame.functionName !== IDLE)
      .map(build);
    const self = times.get(node.id);
    const total = calls.reduce((sum, call) => sum + call.total, self);
    return { ...described(node.callFrame), self, total, calls };
  };
  return build(nodes[0]);
}

function described({ functionName, url, lineNumber }) {
  if (functionName.startsWith('(') && url === '')
    return { name: functionName, group: functionName };
  const name = functionName || '(anonymous)';
  // All functions of an addon have one entry point, so V8 may give one of them another's name.
  if (url === '') return { name: `${name}, native`, group: 'native' };
  const place = `${url.slice(url.lastIndexOf('/') + 1)}:${lineNumber + 1}`;
  return { name: `${name} ${place}`, group: groupOf(url) };
}

function groupOf(url) {
  if (url.startsWith('node:')) return 'node';
  return /\/packages\/([^/]+)\//.exec(url)?.[1] ?? /\/(native)\//.exec(url)?.[1] ?? 'handler';
}

/**
 * Self times summed up, the largest first.
 *
 * @param {Call} root
 * @param {(call: Call) => string} keyOf calls of one key are one line
 * @returns {{ key: string, micros: number }[]}
 */
export function selfTimes(root, keyOf) {
  const sums = new Map();
  const add = (call) => {
    if (call !== root) sums.set(keyOf(call), (sums.get(keyOf(call)) ?? 0) + call.self);
    call.calls.forEach(add);
  };
  add(root);
  return [...sums]
    .map(([key, micros]) => ({ key, micros }))
    .filter(({ micros }) => micros > 0)
    .sort((a, b) => b.micros - a.micros);
}
