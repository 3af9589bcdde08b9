// npm run soak -- --seconds 600 --seed 7: random operations, then nothing may be left. Without arguments a minute of a random seed.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { main, prepare, ROOT } from './prepare.mjs';

await main(() => prepare('build'));

const program = path.join(ROOT, 'test/soak/main.mjs');
const child = spawn(process.execPath, ['--expose-gc', program, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
