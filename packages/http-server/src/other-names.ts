/** What node:http, Deno.serve and Bun.serve call our options, where spelling does not tell. */
export const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['handler', 'fetch'],
  ['host', 'hostname'],
  ['unix', 'path'],
  ['error', 'onError'],
  ['headersTimeout', 'headerReadTimeoutMs'],
  ['headerTimeoutMs', 'headerReadTimeoutMs'],
  ['headersTimeoutMs', 'headerReadTimeoutMs'],
  ['timeout', 'handlerTimeoutMs'],
  ['idleTimeout', 'keepAliveTimeoutMs'],
  ['maxHeaderSize', 'maxHeaderBytes'],
  ['maxRequestBodySize', 'maxBodyBytes'],
  ['maxRequestsPerSocket', 'maxRequestsPerConnection'],
]);
