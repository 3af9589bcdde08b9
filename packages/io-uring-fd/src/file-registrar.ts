/**
 * What the fixed-file table needs of the ring. The bearer implements it over io_uring_register(2); every method is
 * synchronous and throws the system's error, leaving the kernel's table as it was.
 */
export interface FileRegistrar {
  /** Registers a table of `count` empty slots (IORING_REGISTER_FILES2 with IORING_RSRC_REGISTER_SPARSE, kernel 5.19). */
  registerSparse(count: number): void;
  /**
   * Fills slots from `first` on, all or none: with descriptors where all of them are empty, or empties them with -1 for each
   * (IORING_REGISTER_FILES_UPDATE, kernel 5.5).
   */
  update(first: number, descriptors: readonly number[]): void;
  /** Automatic allocation uses `count` slots from `from` only (IORING_REGISTER_FILE_ALLOC_RANGE, kernel 6.0). */
  allocRange(from: number, count: number): void;
  /** Drops the whole table (IORING_UNREGISTER_FILES, kernel 5.1). */
  unregister(): void;
}
