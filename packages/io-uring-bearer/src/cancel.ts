import { AsyncCancel, type OperationKey } from '@ringbearer/io-uring-opcode';

/** Cancels one submission. -ENOENT and -EALREADY are normal: it had completed, or is running and will. */
export function cancelOperation(key: OperationKey): AsyncCancel {
  return new AsyncCancel({ key });
}

/** Cancels everything the ring holds. */
export function cancelAll(): AsyncCancel {
  return new AsyncCancel({ any: true, all: true });
}
