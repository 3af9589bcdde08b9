import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ListenOptions } from '../runtime/io-uring/index.js';
import { inheritedSockets } from './inherited-sockets.js';
import { HOSTNAME, type ListenAddress, PORT } from './listen-address.js';

/** One way to say where, and what cannot be said with it. */
const WAYS: readonly (readonly [keyof ListenAddress, readonly (keyof ListenAddress)[]])[] = [
  ['path', ['hostname', 'port', 'fd', 'listen', 'ipv6Only', 'reusePort']],
  ['fd', ['hostname', 'port', 'listen', 'ipv6Only', 'reusePort', 'mode']],
  ['listen', ['hostname', 'port', 'ipv6Only', 'reusePort', 'mode']],
];

/**
 * Every socket to listen on, as a runtime takes it: one, except for `listen: 'systemd'`. Looks the hostname up.
 *
 * @throws TypeError for options that contradict each other
 * @throws the error of the lookup; Error where systemd passed nothing
 */
export async function listenPlaces(where: ListenAddress): Promise<ListenOptions[]> {
  for (const [way, others] of WAYS) {
    if (where[way] === undefined) continue;
    const other = others.find((name) => where[name] !== undefined && where[name] !== false);
    if (other !== undefined) {
      throw new TypeError(
        `Cannot listen as ${way} and ${other} are both given: they exclude each other`,
      );
    }
  }
  const { path, fd, listen, fdName, mode, port, ipv6Only = false, reusePort = false } = where;
  if (mode !== undefined && path === undefined) {
    throw new TypeError('Cannot listen as mode is for the file of a path: give a path');
  }
  if (fdName !== undefined && listen === undefined) {
    throw new TypeError(
      "Cannot listen as fdName is for the sockets of systemd: give listen: 'systemd'",
    );
  }
  const common = where.backlog === undefined ? {} : { backlog: where.backlog };
  if (fd !== undefined) return [{ ...common, fd }];
  if (listen !== undefined) {
    if (listen !== 'systemd') {
      throw new TypeError(
        `Cannot listen as listen must be 'systemd': current value is '${String(listen)}'`,
      );
    }
    return inheritedSockets(fdName).map((number) => ({ ...common, fd: number }));
  }
  if (path !== undefined) {
    return [{ ...common, path, replaceStale: true, ...(mode === undefined ? {} : { mode }) }];
  }
  const address = await literal(where.hostname ?? HOSTNAME);
  return [{ ...common, address, port: port ?? PORT, reusePort, ipv6Only }];
}

async function literal(hostname: string): Promise<string> {
  if (isIP(hostname) !== 0) return hostname;
  if (hostname === '') {
    throw new TypeError(
      "Cannot listen as hostname must be a name or an address, such as 127.0.0.1, or 0.0.0.0 for all: current value is ''",
    );
  }
  try {
    return (await lookup(hostname)).address;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    failure.message = `Cannot listen on ${hostname} as the address of that name cannot be found: choose a name or an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all (${failure.code})`;
    throw failure;
  }
}
