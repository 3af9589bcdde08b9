/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_FD = 3;
/** More than anybody passes: a number above it is a mistake. */
const SOCKETS_MAX = 1024;

/**
 * The descriptors systemd passed to this process, by LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES of sd_listen_fds(3).
 *
 * @param name only those of this FileDescriptorName=; undefined for all
 * @throws Error saying what to do when there are none, they are another process's, or none has that name
 */
export function inheritedSockets(
  name: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): number[] {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES } = env;
  if (LISTEN_FDS === undefined || LISTEN_PID === undefined) {
    throw new Error(
      'Cannot listen on sockets of systemd as LISTEN_FDS and LISTEN_PID are not set: start this program by a .socket unit, or try it with "systemd-socket-activate -l 3000 node app.js"',
    );
  }
  const count = Number(LISTEN_FDS);
  if (!Number.isInteger(count) || count < 1 || count > SOCKETS_MAX) {
    throw new Error(
      `Cannot listen on sockets of systemd as LISTEN_FDS must be an integer from 1 to ${SOCKETS_MAX}: current value is '${LISTEN_FDS}'`,
    );
  }
  if (Number(LISTEN_PID) !== pid) {
    throw new Error(
      `Cannot listen on sockets of systemd as they were passed to process ${LISTEN_PID}, and this is ${pid}: let ExecStart= run node itself, not a shell or npm`,
    );
  }
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  const all = Array.from({ length: count }, (_, index) => FIRST_FD + index);
  if (name === undefined) return all;
  const named = all.filter((_, index) => names[index] === name);
  if (named.length > 0) return named;
  throw new Error(
    `Cannot listen on sockets of systemd as none is named '${name}': there are ${names.length === 0 ? 'no names' : names.map((each) => `'${each}'`).join(', ')} (FileDescriptorName= of the .socket unit)`,
  );
}
