import type { DemoSettings } from './settings.js';

/** What to tell someone whose start failed: what happened, and what to do about it. */
export function explainStartFailure(error: unknown, { hostname, port }: DemoSettings): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const place = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `Cannot listen on ${place} as another program does: choose a port with "PORT=${port < 65_535 ? port + 1 : 3000} npm start", or find that program with "ss -ltnp sport = :${port}"`;
    case 'EACCES':
    case 'EPERM':
      return port > 0 && port < 1024
        ? `Cannot listen on ${place} as ports below 1024 are for root: choose another with "PORT=3000 npm start"`
        : `Cannot start: ${message}`;
    case 'EADDRNOTAVAIL':
      return `Cannot listen on ${place} as this machine has no such address: set HOST to one of its own, such as 127.0.0.1`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `Cannot listen on ${place} as HOST is a name nobody knows: set HOST to an address, such as 127.0.0.1`;
    default:
      return error instanceof Error ? message : String(error);
  }
}
