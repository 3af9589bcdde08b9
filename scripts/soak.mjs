// npm run soak -- --seconds 600 --seed 7: random operations, then nothing may be left. Without arguments a minute of a random seed, for each
// target one after the other; --target ring for that alone. The options: test/soak/command-line.mjs.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { commandLine, TARGETS, targetArguments } from '../test/soak/command-line.mjs';
import { main, prepare, ROOT } from './prepare.mjs';

const options = commandLine();
await main(() => prepare('build'));

let child;
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopped = true;
    child?.kill(signal);
  });
}
for (const target of options.targets) {
  const program = path.join(ROOT, TARGETS[target]);
  child = spawn(process.execPath, ['--expose-gc', program, ...targetArguments(options)], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) process.exitCode = code ?? 1;
  if (stopped) break;
}
