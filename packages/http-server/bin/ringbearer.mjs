#!/usr/bin/env node
// Committed, so that npm links the command before the first build.
await import('../dist/cli/main.js').catch((cause) => {
  console.error('ringbearer is not built yet: run "npm run build" in the checkout');
  console.error(cause.message);
  process.exitCode = 1;
});
