// npm start: prepares the machine when needed, then becomes the demo server (PORT and HOST are its own). The server runs in
// this very process, so a signal, an exit code and a terminal are the server's without anything in between.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { StepError } from './prepare/progress.mjs';
import { main, prepare, ROOT } from './prepare.mjs';

const DEMO = path.join(ROOT, 'packages/http-server/dist/demo/main.js');

await main(async () => {
  await prepare('build');
  if (!existsSync(DEMO)) {
    throw new StepError(
      `the build left no demo at ${path.relative(ROOT, DEMO)}: run "npm run build" to see why`,
    );
  }
  process.argv[1] = DEMO;
});

await import(pathToFileURL(DEMO).href);
