/** Where the demo listens. */
export interface DemoSettings {
  readonly hostname: string;
  readonly port: number;
}

/** What curl, wrk and people try first. */
const PORT = 3000;
/** A program one starts to have a look at is for this machine alone; `HOST=0.0.0.0` opens it to others. */
const HOST = '127.0.0.1';
const PORT_MAX = 65_535;

/**
 * Reads PORT and HOST; empty counts as unset.
 *
 * @throws RangeError when PORT is no port
 */
export function demoSettings(env: Readonly<Record<string, string | undefined>>): DemoSettings {
  return {
    hostname: env.HOST?.trim() || HOST,
    port: portOf(env.PORT?.trim() || String(PORT)),
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > PORT_MAX) {
    throw new RangeError(
      `Cannot start as PORT must be an integer from 0 (any free port) to ${PORT_MAX}: current value is ${JSON.stringify(text)}`,
    );
  }
  return port;
}
