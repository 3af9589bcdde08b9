let warned = false;

/** What somebody whose server does not use io_uring should know. */
export function fallbackMessage(cause: Error): string {
  return `This server uses node:net, which takes more CPU per request, as io_uring is not to be had here. ${cause.message}. "npx ringbearer doctor" tells more; runtime: 'node' or RINGBEARER_RUNTIME=node makes it the choice, and this warning go away`;
}

/** Warns once in this thread, by `process.emitWarning`. */
export function warnFallback(message: string): void {
  if (warned) return;
  warned = true;
  process.emitWarning(message, { type: 'RingbearerWarning', code: 'RINGBEARER_NODE_RUNTIME' });
}
