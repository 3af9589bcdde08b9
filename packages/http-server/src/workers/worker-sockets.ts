import { listenError } from '../listen/listen-error.js';
import { ListeningSocket, type ListenOptions } from '../runtime/io-uring/index.js';
import { BACKLOG, sharesOf } from './shares.js';

/**
 * Opens what the workers accept from: for each TCP place one socket per worker, which the kernel spreads connections over (SO_REUSEPORT);
 * anything else, or for a single worker, one socket for all. They belong to the main thread: what waits in the queue of a socket is
 * lost when it closes, so it stays open from one thread that accepts from it to the next.
 *
 * @returns for each worker its sockets, in the order of the places
 * @throws the system's error, with nothing left open
 */
export function openSockets(
  places: readonly ListenOptions[],
  workers: number,
  backlog: number | undefined,
): ListeningSocket[][] {
  const slots: ListeningSocket[][] = Array.from({ length: workers }, () => []);
  const shares = sharesOf('backlog', backlog ?? Math.max(BACKLOG, workers), workers);
  const open = (place: ListenOptions, slot: ListeningSocket[]): ListeningSocket => {
    try {
      const socket = ListeningSocket.open(place);
      slot.push(socket);
      return socket;
    } catch (error) {
      closeSockets(slots);
      throw listenError(error, place);
    }
  };
  for (const place of places) {
    const [first, ...others] = slots;
    if (workers === 1 || place.address === undefined) {
      const socket = open(place, first!);
      for (const slot of others) slot.push(socket);
      continue;
    }
    // The first one fails where another program has the port, unless that was asked for.
    const alone = place.reusePort !== true;
    const { address } = open(
      { ...place, backlog: shares[0]!, reusePort: true, claim: alone },
      first!,
    );
    const port = (address as { port: number }).port;
    for (const [index, slot] of others.entries())
      open({ ...place, port, backlog: shares[index + 1]!, reusePort: true }, slot);
  }
  return slots;
}

/** Closes them all, shared ones once. */
export function closeSockets(slots: readonly (readonly ListeningSocket[])[]): void {
  for (const socket of new Set(slots.flat())) socket.close();
}
