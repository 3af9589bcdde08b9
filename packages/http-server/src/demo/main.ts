// The demo that `npm start` runs: serves a site on PORT and HOST until SIGINT or SIGTERM.

import { constants } from 'node:os';
import { type Server, serve } from '../server.js';
import { type DemoSettings, demoSettings } from './settings.js';
import { DemoSite } from './site.js';
import { explainStartFailure } from './start-failure.js';

/** A signal this soon after the first is the same Ctrl-C: the terminal sends it, and npm passes its own on. */
const SAME_SIGNAL_MS = 300;
/** Uploads to `/echo` are streamed, so this bounds time, not memory. */
const BODY_BYTES_MAX = 2 ** 30;

async function start(settings: DemoSettings): Promise<void> {
  let site: DemoSite | null = null;
  const server = await serve({
    ...settings,
    maxBodyBytes: BODY_BYTES_MAX,
    raw: (request, reply) => site!.handle(request, reply),
  });
  site = new DemoSite(server);
  closeOnSignal(server, site);
  introduce(server);
}

function introduce(server: Server): void {
  console.log(`Ringbearer serves ${server.url}

${ringOf(server)}
  limits  ${server.stats().maxConnections} connections

  curl ${server.url}text
  curl -d 'one ring' ${server.url}echo
  Ctrl-C finishes what is under way; a second one does not wait.`);
}

function ringOf(server: Server): string {
  const granted = server.capabilities();
  if (granted === null) return '  ring    none: this is node:net';
  const { driver, setupFlags, submissionEntries, completionEntries, kernel } = granted;
  return `  ring    ${driver} driver, ${submissionEntries} SQEs, ${completionEntries} CQEs
  setup   ${setupFlags.join(' ')}
  kernel  ${kernel}`;
}

function closeOnSignal(server: Server, site: DemoSite): void {
  let first = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (first === 0) {
      first = now;
      site.close();
      const { connections } = server.stats();
      console.log(
        `\n${signal}: closing, ${connections} connection${connections === 1 ? '' : 's'} open`,
      );
      server.close().then(
        () => {
          for (const name of SIGNALS) process.off(name, onSignal);
        },
        (error: unknown) =>
          fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      );
    } else if (now - first > SAME_SIGNAL_MS) process.exit(128 + constants.signals[signal]);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

try {
  const settings = demoSettings(process.env);
  await start(settings).catch((error: unknown) => fail(explainStartFailure(error, settings)));
} catch (error) {
  fail((error as Error).message);
}
