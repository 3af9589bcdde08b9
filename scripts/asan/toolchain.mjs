// Can this machine build and run under the sanitizers? A value that says where the runtime library is, or why not.

import { spawnSync } from 'node:child_process';
import path from 'node:path';

/**
 * The AddressSanitizer runtime of the compiler CMake will use. It must be there before anything else in a process whose program was
 * not built with it, as Node.js was not: it is preloaded.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ library: string } | { reason: string }}
 */
export function findSanitizer(env = process.env, spawn = spawnSync) {
  const compiler = env.CXX ?? 'c++';
  const asked = spawn(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  if (asked.error !== undefined || asked.status !== 0) {
    return { reason: `${compiler} does not run: apt-get install g++` };
  }
  const library = asked.stdout.trim();
  // A compiler answers with the bare name when it has no such file.
  if (!path.isAbsolute(library)) {
    return { reason: `${compiler} has no libasan.so: CXX=g++ with GCC's libasan lets this run` };
  }
  const cmake = spawn('cmake', ['--version'], { encoding: 'utf8' });
  if (cmake.status !== 0) return { reason: 'cmake is not installed: apt-get install cmake' };
  const node = spawn(process.execPath, ['-e', '0'], {
    encoding: 'utf8',
    env: { ...env, LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  if (node.status !== 0) {
    const first = node.stderr.trim().split('\n')[0] || `exit code ${node.status ?? node.signal}`;
    return { reason: `this Node.js does not start under AddressSanitizer: ${first}` };
  }
  return { library };
}
