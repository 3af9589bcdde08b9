import type { RuntimeOptions } from '../runtime-options.js';
import type { SocketOpener } from './listener.js';

/** What a {@link NodeRuntime} needs to know. */
export interface NodeRuntimeOptions extends RuntimeOptions {
  /** Opens listening sockets. Default: node:net does, which can do less. */
  readonly openSocket?: SocketOpener;
}
