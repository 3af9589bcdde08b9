/**
 * Typed io_uring operations: one class per opcode, the contract they fulfil, and the constants of the kernel.
 *
 * @packageDocumentation
 */
export * from './abi.generated.js';
export * from './cqe.js';
export {
  type DefinedOpCode,
  type DefinedOpCodeClass,
  defineOpCode,
  type ErrnoName,
  type OpCodeDefinition,
} from './define-opcode.js';
export * from './dry-run.js';
export * from './epoll-events.js';
export * from './errno.js';
export * from './errors.js';
export { type CompletionHandler, OpCode } from './opcode.js';
export * from './opcodes/buffers/provide-buffers.js';
export * from './opcodes/buffers/remove-buffers.js';
export * from './opcodes/file/close.js';
export * from './opcodes/file/fadvise.js';
export * from './opcodes/file/fallocate.js';
export * from './opcodes/file/fget-xattr.js';
export * from './opcodes/file/file-status.js';
export * from './opcodes/file/fixed-fd-install.js';
export * from './opcodes/file/fset-xattr.js';
export * from './opcodes/file/fsync.js';
export * from './opcodes/file/ftruncate.js';
export * from './opcodes/file/get-xattr.js';
export * from './opcodes/file/link-at.js';
export * from './opcodes/file/madvise.js';
export * from './opcodes/file/mkdir-at.js';
export * from './opcodes/file/open-at.js';
export * from './opcodes/file/open-at2.js';
export * from './opcodes/file/pipe.js';
export * from './opcodes/file/read.js';
export * from './opcodes/file/read-fixed.js';
export * from './opcodes/file/read-multi.js';
export * from './opcodes/file/readv.js';
export * from './opcodes/file/readv-fixed.js';
export * from './opcodes/file/rename-at.js';
export * from './opcodes/file/set-xattr.js';
export * from './opcodes/file/splice.js';
export * from './opcodes/file/statx.js';
export * from './opcodes/file/symlink-at.js';
export * from './opcodes/file/sync-file-range.js';
export * from './opcodes/file/tee.js';
export * from './opcodes/file/unlink-at.js';
export * from './opcodes/file/write.js';
export * from './opcodes/file/write-fixed.js';
export * from './opcodes/file/writev.js';
export * from './opcodes/file/writev-fixed.js';
export type { XattrMode } from './opcodes/file/xattr-argument.js';
export type { XattrInto, XattrValue } from './opcodes/file/xattr-target.js';
export * from './opcodes/futex/futex-wait.js';
export * from './opcodes/futex/futex-wait-v.js';
export * from './opcodes/futex/futex-wake.js';
export * from './opcodes/meta/async-cancel.js';
export * from './opcodes/meta/files-install.js';
export {
  FILES_UPDATE_MAX,
  FilesUpdate,
  type FilesUpdateOptions,
} from './opcodes/meta/files-update.js';
export * from './opcodes/meta/nop.js';
export * from './opcodes/msg/mailbox.js';
export { MESSAGE_MARK } from './opcodes/msg/message-mark.js';
export * from './opcodes/msg/msg-ring.js';
export * from './opcodes/msg/msg-ring-fd.js';
export * from './opcodes/net/accept.js';
export * from './opcodes/net/accept-multi.js';
export * from './opcodes/net/bind.js';
export * from './opcodes/net/connect.js';
export * from './opcodes/net/get-socket-option.js';
export * from './opcodes/net/listen.js';
export { decodeRights } from './opcodes/net/message-header.js';
export type { MessageOptions } from './opcodes/net/message-source.js';
export * from './opcodes/net/recv.js';
export * from './opcodes/net/recv-msg.js';
export * from './opcodes/net/recv-msg-multi.js';
export * from './opcodes/net/recv-multi.js';
export * from './opcodes/net/recv-zc.js';
export * from './opcodes/net/send.js';
export * from './opcodes/net/send-group.js';
export * from './opcodes/net/send-msg.js';
export * from './opcodes/net/send-msg-zc.js';
export * from './opcodes/net/send-zc.js';
export * from './opcodes/net/sendv.js';
export * from './opcodes/net/set-socket-option.js';
export * from './opcodes/net/shutdown.js';
export * from './opcodes/net/socket.js';
export * from './opcodes/net/socket-queue.js';
export * from './opcodes/poll/epoll-ctl.js';
export {
  EPOLL_EVENT_BYTES,
  type EpollReady,
  readEpollEvents,
} from './opcodes/poll/epoll-event.js';
export * from './opcodes/poll/epoll-wait.js';
export * from './opcodes/poll/poll-add.js';
export * from './opcodes/poll/poll-remove.js';
export * from './opcodes/poll/poll-update.js';
export * from './opcodes/process/wait-id.js';
export * from './opcodes/time/link-timeout.js';
export * from './opcodes/time/timeout.js';
export * from './opcodes/time/timeout-remove.js';
export * from './opcodes/time/timeout-update.js';
export type { ClockName } from './opcodes/time/timespec.js';
export * from './open-flag.js';
export type { OperationKey } from './operation-key.js';
export { PATH_BYTES_MAX, type PathName, XATTR_NAME_BYTES_MAX } from './path-source.js';
export type { IntoGroup, IntoMemory, Received } from './receive-target.js';
export * from './record-memory.js';
export type { InRegistered } from './registered-range.js';
export * from './socket-address.js';
export * from './sqe.js';
export * from './submission-flags.js';
export type { TransferBytes } from './transfer-source.js';
export {
  type GatherPart,
  type MemoryPart,
  type ScatterPart,
  VECTOR_PARTS_MAX,
} from './vector.js';
