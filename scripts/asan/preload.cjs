// Loaded into every Node.js of `npm run test:asan` (NODE_OPTIONS=--require, which Workers and children inherit): the addon that is
// asked for is replaced by the one built under the sanitizers. The packages themselves have no switch for it, so none can be abused.

const { appendFileSync } = require('node:fs');
const path = require('node:path');
const { threadId } = require('node:worker_threads');

const RELEASE = path.join('native', 'build', 'Release');
const { RINGBEARER_ASAN_BUILD: sanitized, RINGBEARER_ASAN_LOADS: loads } = process.env;

if (sanitized !== undefined) {
  const { dlopen } = process;
  process.dlopen = function (module, file, ...flags) {
    if (path.basename(path.dirname(file)) !== 'Release' || !path.dirname(file).endsWith(RELEASE)) {
      return dlopen.call(this, module, file, ...flags);
    }
    const result = dlopen.call(this, module, path.join(sanitized, path.basename(file)), ...flags);
    // The proof that the tests ran on it.
    if (loads !== undefined) appendFileSync(loads, `${process.pid} ${threadId}\n`);
    return result;
  };
}
