// What npm runs when the package is installed: builds the addon from source. In the repository it does nothing, as `npm run build`
// does that after the system's packages are there.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = path.dirname(fileURLToPath(import.meta.url));
const LOG_LINES = 30;
const BUILT = path.join(FOLDER, 'build/Release/ring.node');

// Published packages have no tsconfig.json.
const inRepository = existsSync(path.join(FOLDER, 'tsconfig.json'));
if (!inRepository && !existsSync(BUILT)) build();

function build() {
  if (process.platform !== 'linux')
    fail(`io_uring is in Linux only, and this is ${process.platform}`);
  const missing = [
    ['cmake', 'cmake'],
    ['make', 'make'],
    ['c++', 'g++'],
  ].filter(
    ([program]) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  if (missing.length > 0) {
    fail(
      `it is built from source, without ${missing.map(([program]) => program).join(', ')}: ` +
        `apt-get install ${missing.map(([, debian]) => debian).join(' ')} liburing-dev`,
    );
  }
  const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [cmakeJs, 'compile'], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  if (status === 0 && existsSync(BUILT)) return;
  const lines = `${stdout}${stderr}`.trimEnd().split('\n');
  fail(
    `the build failed. It needs cmake, make, a C++20 compiler and liburing-dev 2.3. Its last lines:\n${lines.slice(-LOG_LINES).join('\n')}`,
  );
}

function fail(reason) {
  console.error(`Cannot install @ringbearer/native as ${reason}`);
  console.error('Once that is mended: npm rebuild @ringbearer/native');
  process.exit(1);
}
