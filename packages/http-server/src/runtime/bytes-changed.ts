/**
 * A queued array of the caller's is not as long as it was: its buffer was transferred or resized. What the peer was told about the length of its message is
 * wrong, and what follows would be taken for a part of it, so the connection cannot go on.
 */
export class BytesChangedError extends TypeError {
  /** For whoever filters warnings. */
  readonly code = 'RINGBEARER_BYTES_CHANGED';

  constructor() {
    super(
      'Cannot send on as the bytes of a reply must stay as they are until they are sent: their buffer was transferred or resized. The connection was ended',
    );
  }
}

/** What costs a connection costs no more than that, but is not silent either: the mistake is in the program, where no caller is left to be told. */
export function warnBytesChanged(error: BytesChangedError): void {
  process.emitWarning(error.message, { type: 'RingbearerWarning', code: error.code });
}
