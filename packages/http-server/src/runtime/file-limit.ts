import { readFileSync } from 'node:fs';

/** Default of maxConnections. */
const CONNECTIONS = 8192;
/** Where the limit on open files cannot be read. */
const LIMIT_UNKNOWN = 16_384;
/** Left for the rest of the process: files, database connections, the ring itself. */
const RESERVED_FILES = 128;

/**
 * How many connections fit: as many as asked for, or the default lowered to what the limit on open files allows (a fixed-file
 * table may not have more slots than that).
 *
 * @param wanted the caller's maxConnections, undefined for the default
 * @param extra descriptors the runtime needs besides
 * @returns with `spare`, the descriptors beyond those
 * @throws RangeError when the caller's number is no positive integer, or does not fit
 */
export function connectionsFor(
  wanted: number | undefined,
  extra: number,
  limit = openFilesMax(),
): { maxConnections: number; fileLimit: number; spare: number } {
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
  return {
    maxConnections,
    fileLimit: maxConnections + extra,
    spare: Math.max(0, room - maxConnections),
  };
}

/** The soft limit on open files, which Node.js raises to the hard one when it starts. */
function openFilesMax(): number {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return LIMIT_UNKNOWN; // no /proc here
  }
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(limits);
  return line === null || line[1] === 'unlimited' ? 1_048_576 : Number(line[1]);
}
