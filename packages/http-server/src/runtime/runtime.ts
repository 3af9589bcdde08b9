/** What every runtime counts. */
export interface RuntimeCounts {
  /** Open now, closing ones included. */
  readonly connections: number;
  /** The most there may be: as asked for, or what the limit on open files allows. */
  readonly maxConnections: number;
  /** Accepted since the start. */
  readonly accepted: number;
  /** Bytes received from all peers. */
  readonly bytesReceived: number;
  /** Bytes sent to them: given to the kernel, and taken. */
  readonly bytesSent: number;
  /** Of those, connections that were not served: above `maxConnections` with `overload: 'refuse'`, or above `maxConnectionsPerAddress`. */
  readonly connectionsRefused: number;
  /** The listener is not accepted from at the moment. */
  readonly acceptPaused: boolean;
  /** Sends of large bodies that asked for zero copy; 0 on node:net. */
  readonly zeroCopySends: number;
  /** Of those, the ones that the kernel copied after all. */
  readonly zeroCopyCopied: number;
  /** Zero copy is left off for a while, as the kernel copied several in a row. */
  readonly zeroCopyPaused: boolean;
}

/** A place that is listened on. */
export interface Listening<Name> {
  /** Where, with what the system chose. */
  readonly address: Name;
}

/**
 * What owns sockets, buffers, timers and scheduling in one thread, for any pipeline of blueprints. `Place` is how it is told where to
 * listen.
 */
export interface Runtime<Place = never, Name = unknown> {
  /**
   * Listens, and accepts from now on.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  listen(place: Place): Listening<Name> | Promise<Listening<Name>>;
  /** Counters now. */
  stats(): RuntimeCounts;
  /** It keeps the process alive (the default). */
  ref(): void;
  /** It does not keep the process alive. */
  unref(): void;
  /**
   * Stops accepting, tells every connection to finish, waits for them at most `drainMs`, and closes what is left. When it resolves, the
   * ports are free.
   *
   * @param gently idle connections are waited for too, until their next reply or the end of their idle time
   */
  close(drainMs: number, gently?: boolean): Promise<void>;
}
