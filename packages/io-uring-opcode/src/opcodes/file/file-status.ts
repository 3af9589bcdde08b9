import { FileType, StatxMask } from '../../abi.generated.js';
import type { RecordMemory } from '../../record-memory.js';

/** What a file is: the type bits of its mode in words. */
export type FileKind =
  | 'file'
  | 'directory'
  | 'link'
  | 'socket'
  | 'pipe'
  | 'character-device'
  | 'block-device'
  | 'unknown';

/** A time of a file system: whole seconds since 1970, negative before, and the nanoseconds on top. */
export interface FileTime {
  /** Since 1 January 1970 UTC. */
  readonly seconds: number;
  /** 0 to 999999999. */
  readonly nanoseconds: number;
}

/** A device, as sysfs and `ls -l` name it. */
export interface DeviceNumber {
  /** The driver. */
  readonly major: number;
  /** The device of that driver. */
  readonly minor: number;
}

/**
 * `struct statx` in JavaScript: statx(2). A field is meaningful where its bit of {@link StatxMask} is in `mask`.
 */
export interface FileStatus {
  /** Fields that were filled: bits of {@link StatxMask}. */
  readonly mask: number;
  /** What it is. */
  readonly kind: FileKind;
  /** Type and permissions. */
  readonly mode: number;
  /** Bytes. Exact below 2^53. */
  readonly size: number;
  /** Blocks of 512 bytes that are allocated. */
  readonly blocks: number;
  /** Bytes that suit transfers. */
  readonly blockBytes: number;
  /** Hard links to it. */
  readonly links: number;
  /** Owner. */
  readonly userId: number;
  /** Group of the owner. */
  readonly groupId: number;
  /** A bigint, as some file systems use all 64 bits. */
  readonly inode: bigint;
  /** Where the file is. */
  readonly device: DeviceNumber;
  /** What the file is, when it is a device. */
  readonly specialDevice: DeviceNumber;
  /** Last read. */
  readonly accessed: FileTime;
  /** Last change of the contents. */
  readonly modified: FileTime;
  /** Last change of the inode. */
  readonly changed: FileTime;
  /** Creation; null where the file system does not tell. */
  readonly created: FileTime | null;
  /** Bits of statx(2)'s STATX_ATTR_ that are set, the lower 32. */
  readonly attributes: number;
}

const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [FileType.IFREG, 'file'],
  [FileType.IFDIR, 'directory'],
  [FileType.IFLNK, 'link'],
  [FileType.IFSOCK, 'socket'],
  [FileType.IFIFO, 'pipe'],
  [FileType.IFCHR, 'character-device'],
  [FileType.IFBLK, 'block-device'],
]);

/**
 * Milliseconds since 1970, as `Date` and the `mtimeMs` of node:fs have them: fractions are kept as far as they fit.
 *
 * @example
 * ```ts
 * import { fileTimeMs } from '@ringbearer/io-uring-opcode';
 *
 * console.log(fileTimeMs({ seconds: 2, nanoseconds: 500_000 })); // 2000.5
 * ```
 */
export function fileTimeMs({ seconds, nanoseconds }: FileTime): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

/**
 * Decodes the `struct statx` that fills a record, for handlers of a {@link Statx} that was pushed. Offsets: linux/stat.h.
 *
 * @example
 * ```ts
 * import { UringBearer } from '@ringbearer/io-uring-bearer';
 * import { decodeStatx, Statx } from '@ringbearer/io-uring-opcode';
 *
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 * const statx = new Statx({ path: '/' });
 * statx.handler = (cqe) => {
 *   if (cqe.res === 0) console.log(decodeStatx(cqe.record).kind); // directory
 *   bearer.close();
 * };
 * bearer.push(statx);
 * ```
 */
export function decodeStatx(record: RecordMemory): FileStatus {
  const mask = record.getUint32(0);
  const mode = record.getUint16(0x1c);
  return {
    mask,
    kind: KINDS.get(mode & FileType.IFMT) ?? 'unknown',
    mode,
    size: record.getInt64(0x28),
    blocks: record.getInt64(0x30),
    blockBytes: record.getUint32(4),
    links: record.getUint32(0x10),
    userId: record.getUint32(0x14),
    groupId: record.getUint32(0x18),
    inode: record.getBigUint64(0x20),
    device: deviceNumber(record, 0x88),
    specialDevice: deviceNumber(record, 0x80),
    accessed: fileTime(record, 0x40),
    modified: fileTime(record, 0x70),
    changed: fileTime(record, 0x60),
    created: (mask & StatxMask.BTIME) === 0 ? null : fileTime(record, 0x50),
    attributes: record.getUint32(8),
  };
}

function fileTime(record: RecordMemory, at: number): FileTime {
  return { seconds: record.getInt64(at), nanoseconds: record.getUint32(at + 8) };
}

function deviceNumber(record: RecordMemory, at: number): DeviceNumber {
  return { major: record.getUint32(at), minor: record.getUint32(at + 4) };
}
