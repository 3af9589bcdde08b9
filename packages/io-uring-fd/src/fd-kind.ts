/** What a registered descriptor may be used for. */
export const FdKind = {
  /** A listening socket. */
  Acceptor: 'Acceptor',
  /** A connected socket that is only read. */
  Recv: 'Recv',
  /** A connected socket that is only written. */
  Send: 'Send',
  /** A connected socket, both ways. */
  RecvSend: 'RecvSend',
  /** An epoll instance. */
  Epoll: 'Epoll',
  /** A regular file, directory, pipe or device. */
  File: 'File',
  /** Not told: every operation is allowed, and the kernel decides. */
  Any: 'Any',
} as const;

/** One of the names of the {@link FdKind} table. */
export type FdKind = (typeof FdKind)[keyof typeof FdKind];

/** A descriptor of kind `have` may be used where `need` is asked for. */
export function fdKindAllows(have: FdKind, need: FdKind): boolean {
  if (have === need || have === FdKind.Any || need === FdKind.Any) return true;
  return have === FdKind.RecvSend && (need === FdKind.Recv || need === FdKind.Send);
}
