// npm test: prepares the machine when needed, then runs every test. Arguments go to vitest: "npm test -- owner".

import { spawn } from 'node:child_process';
import path from 'node:path';
import { QUIET_ENV } from './prepare/progress.mjs';
import { main, prepare, ROOT } from './prepare.mjs';

await main(() => prepare('test'));

const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: ROOT,
  env: { ...process.env, ...QUIET_ENV },
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
