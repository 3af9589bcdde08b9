// npm run build: turbo, behind the stamp that knows when nothing changed.

import { ensureBuild } from './prepare/build.mjs';
import { say } from './prepare/progress.mjs';
import { main, prepareDependencies, ROOT } from './prepare.mjs';

await main(async () => {
  await prepareDependencies('build');
  if (!(await ensureBuild(ROOT))) say('nothing to build: no source changed');
});
