import { statSync } from 'node:fs';
import type { ListenOptions } from '../runtime/io-uring/index.js';

/**
 * The system's error with a message that names the place and says what to do. `code`, `errno` and `syscall` are as they were; `address`
 * and `port` are added, as node:net does.
 */
export function listenError(error: unknown, place: ListenOptions): unknown {
  const failure = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (!(error instanceof Error) || typeof failure.code !== 'string') return error;
  const { path, fd, address = '', port = 0 } = place;
  const where =
    path !== undefined
      ? path.replace('\0', '@')
      : fd !== undefined
        ? `descriptor ${fd}`
        : `${address.includes(':') ? `[${address}]` : address}:${port}`;
  const advice = adviceOf(failure.code, place);
  if (advice === null) return error;
  failure.message = `Cannot listen on ${where} as ${advice} (${failure.code})`;
  if (path !== undefined) failure.address = path;
  else if (fd === undefined) {
    failure.address = address;
    failure.port = port;
  }
  return failure;
}

/** Who has it, as far as one can see. */
function takenPath(path: string): string {
  if (path.startsWith('\0')) return 'another program does: choose another name';
  return statSync(path, { throwIfNoEntry: false })?.isSocket()
    ? `another program does: choose another path, or find that program with "ss -lxp src ${path}"`
    : 'it exists, and is no socket that a killed process left: choose another path, or remove it';
}

function adviceOf(code: string, { path, fd, port = 0 }: ListenOptions): string | null {
  if (fd !== undefined) {
    return code === 'EBADF' || code === 'ENOTSOCK'
      ? 'it is no open socket: pass the descriptor of a socket that listens'
      : null;
  }
  const file = path !== undefined;
  switch (code) {
    case 'EADDRINUSE':
      if (file) return takenPath(path);
      return `another program does: choose another port, or find that program with "ss -ltnp sport = :${port}"`;
    case 'EACCES':
    case 'EPERM':
      if (file)
        return 'this user may not make a file there: choose another folder, or change its permissions';
      return 'ports this low are for root: choose one from 1024 up, or lower net.ipv4.ip_unprivileged_port_start';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address: choose one of its own, such as 127.0.0.1, or 0.0.0.0 for all';
    case 'EAFNOSUPPORT':
      return 'this machine has no IPv6: choose an IPv4 address';
    case 'ENOENT':
      return 'its folder does not exist: make it, or choose another';
    case 'ENOTDIR':
      return 'its folder is none: choose another path';
    case 'EROFS':
      return 'the file system is read-only: choose another folder';
    default:
      return null;
  }
}
