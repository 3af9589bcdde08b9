import { readFileSync } from 'node:fs';

/** Default of maxConnections. */
const CONNECTIONS = 8192;
/** Left for the rest of the process: files, database connections, the ring itself. */
const RESERVED_FILES = 128;

/**
 * How many connections fit: as many as asked for, or the default lowered to what the limit on open files allows (a fixed-file
 * table may not have more slots than that).
 *
 * @param wanted the caller's maxConnections, undefined for the default
 * @param extra descriptors the runtime needs besides
 * @throws RangeError when the caller's number is no positive integer, or does not fit
 */
export function connectionsFor(
  wanted: number | undefined,
  extra: number,
  limit = openFilesMax(),
): { maxConnections: number; fileLimit: number } {
  if (wanted !== undefined && (!Number.isInteger(wanted) || wanted < 1 || wanted > 200_000)) {
    throw new RangeError(
      `Cannot serve as maxConnections must be an integer from 1 to 200000: current value is ${wanted}`,
    );
  }
  const room = limit - extra - RESERVED_FILES;
  if (wanted !== undefined && wanted > room) {
    throw new RangeError(
      `Cannot serve as maxConnections must be at most ${Math.max(0, room)} with this limit on open files (${limit}): current value is ${wanted}; raise the limit with "ulimit -n" (LimitNOFILE= in systemd)`,
    );
  }
  const maxConnections = wanted ?? Math.max(1, Math.min(CONNECTIONS, room));
  return { maxConnections, fileLimit: maxConnections + extra };
}

/** The soft limit on open files, which Node.js raises to the hard one when it starts. */
function openFilesMax(): number {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return line === null || line[1] === 'unlimited' ? 1_048_576 : Number(line[1]);
}
