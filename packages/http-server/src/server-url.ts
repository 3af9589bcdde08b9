import type { SocketName } from './runtime/io-uring/index.js';

/** `http://host:port/`, with a literal a browser on this machine can open; `unix:path` for a Unix socket. */
export function serverUrl(name: SocketName): string {
  if (name.family === 'Unix') return `unix:${name.path.replace('\0', '@')}`;
  if (name.family === 'IPv6')
    return `http://[${name.address === '::' ? '::1' : name.address}]:${name.port}/`;
  return `http://${name.address === '0.0.0.0' ? '127.0.0.1' : name.address}:${name.port}/`;
}
